using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one channel of an output pixel from all its terms.</summary>
public static partial class ImageResize
{
    internal static void ForwardKernel(
        Index1D i, ArrayView<int> bytes, ArrayView<int> positions, ArrayView<float> weights, ArrayView<float> scale, ArrayView<float> shift, ArrayView<float> y,
        ResizeExtents e)
    {
        int pixel = i / Channels, c = i - pixel * Channels, line = pixel / e.OutW, image = line / e.OutH;
        int row = (line - image * e.OutH) * e.RowTaps, column = e.OutH * e.RowTaps + (pixel - line * e.OutW) * e.ColumnTaps;
        int from = image * e.H * e.W * e.C + (e.C == 1 ? 0 : c);
        float sum = 0f;
        for (int r = 0; r < e.RowTaps; r++)
        {
            int start = from + positions[row + r] * e.W * e.C;
            float along = 0f;
            for (int s = 0; s < e.ColumnTaps; s++)
            {
                int at = start + positions[column + s] * e.C;
                along += weights[column + s] * ((bytes[at >> 2] >> (8 * (at & 3))) & 255);
            }

            sum += weights[row + r] * along;
        }

        int place = i;
        if (e.Shifts == Channels)
            place = c;
        else
            place -= image * e.Shifts;
        y[i] = scale[c] * sum + shift[place];
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor bytes, Shape images, ResizeTaps rows, ResizeTaps columns, Tensor scale, Tensor shift, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<int>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ResizeExtents>(ForwardKernel);
        int count = rows.Positions.Length + columns.Positions.Length;
        Tensor positions = gpu.CreateTensor(new Shape(count), DType.Int32), weights = gpu.CreateTensor(new Shape(count));
        gpu.Own(positions);
        gpu.Own(weights);
        positions.Upload<int>([.. rows.Positions, .. columns.Positions]);
        weights.Upload<float>([.. rows.Weights.Concat(columns.Weights).Select(weight => (float)weight)]);
        ResizeExtents extents = new()
        {
            H = images.H,
            W = images.W,
            C = images.C,
            OutH = rows.Output,
            OutW = columns.Output,
            RowTaps = rows.Count,
            ColumnTaps = columns.Count,
            Shifts = shift.Count,
        };
        return () => kernel(gpu.Stream, y.Count, bytes.ViewOf<int>(), positions.ViewOf<int>(), weights.View, scale.View, shift.View, y.View, extents);
    }

    /// <summary>Extents of images and output, terms of each sum, and the number of shifts.</summary>
    internal struct ResizeExtents
    {
        public int H, W, C, OutH, OutW, RowTaps, ColumnTaps, Shifts;
    }
}

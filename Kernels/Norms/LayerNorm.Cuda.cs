using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, one group normalises a row, which it reads three times; after the first time from the first-level cache.</summary>
public static partial class LayerNorm
{
    /// <summary>Threads of a group: rows are about a thousand elements long.</summary>
    private const int RowGroup = 128;

    internal static void ForwardKernel(ArrayView<float> x, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> y, int channels, float epsilon)
    {
        int start = Grid.IdxX * channels;
        float sum = 0f;
        for (int i = Group.IdxX; i < channels; i += Group.DimX)
            sum += x[start + i];
        float mean = (float)(GroupSum.Of(sum) / channels), squares = 0f;
        for (int i = Group.IdxX; i < channels; i += Group.DimX)
            squares += (x[start + i] - mean) * (x[start + i] - mean);
        float factor = 1f / MathF.Sqrt((float)(GroupSum.Of(squares) / channels) + epsilon);
        for (int i = Group.IdxX; i < channels; i += Group.DimX)
            y[start + i] = (x[start + i] - mean) * factor * weight[i] + bias[i];
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, float>(ForwardKernel);
        int channels = x.Shape.C;
        KernelConfig grid = new(x.Count / channels, Math.Min(RowGroup, gpu.ReductionGroup));
        return () => kernel(gpu.Stream, grid, x.View, weight.View, bias.View, y.View, channels, epsilon);
    }
}

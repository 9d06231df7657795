using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>The kernels around the products: what they read is made of pixels, what they leave becomes the output.</summary>
public static partial class GeneralConv2d
{
    /// <summary>Bits of <see cref="FinishExtents.Added"/>: sums of small parts, and a residual.</summary>
    private const int SmallSums = 1, ResidualSums = 2;

    /// <summary>A thread takes a pack of channels under one tap, and writes it for each part. Beyond the last channel of the last tap are zeros.</summary>
    /// <param name="i">Number of a pack in the matrix, parts apart.</param>
    /// <param name="x">(N, H, W, C).</param>
    /// <param name="matrix">(N H' W', parts x depth).</param>
    /// <param name="e">Extents; channels are in packs.</param>
    /// <param name="depth">Packs of a part in a row.</param>
    /// <param name="parts">Number of parts side by side, see <see cref="MatrixParts.Left"/>.</param>
    internal static void UnfoldKernel<TPack>(Index1D i, ArrayView<float> x, ArrayView<TPack> matrix, WindowExtents e, int depth, int parts)
        where TPack : unmanaged, IPack<TPack>
    {
        int pixel = i / depth, d = i - pixel * depth, tap = d / e.C, r = tap / e.S;
        int line = pixel / e.OutW, image = line / e.OutH;
        int h = (line - image * e.OutH) * e.Stride - e.Top + r, w = (pixel - line * e.OutW) * e.Stride - e.Left + tap - r * e.S;
        Float8 value = Float8.All(0f);
        if (r < e.R && h >= 0 && h < e.H && w >= 0 && w < e.W)
            value = TPack.LoadSingles(x, ((image * e.H + h) * e.W + w) * e.C + d - tap * e.C);
        int at = pixel * parts * depth + d;
        TPack first = TPack.Narrow(value);
        matrix[at + (parts - 1) * depth] = first;
        if (parts > 1)
            WriteSmall(value, first, matrix, at, depth, parts);
    }

    /// <summary>A thread takes a pack of channels of a pixel, and writes its parts; channels beyond the last are zeros.</summary>
    /// <param name="i">Number of a pack, parts apart.</param>
    /// <param name="x">(pixels, C).</param>
    /// <param name="small">(pixels, (parts - 1) x padded C).</param>
    /// <param name="main">(pixels, padded C).</param>
    /// <param name="channels">C in packs.</param>
    /// <param name="padded">Padded C in packs.</param>
    /// <param name="parts">Number of parts, see <see cref="MatrixParts.Left"/>.</param>
    internal static void SplitKernel<TPack>(Index1D i, ArrayView<float> x, ArrayView<TPack> small, ArrayView<TPack> main, int channels, int padded, int parts)
        where TPack : unmanaged, IPack<TPack>
    {
        int pixel = i / padded, c = i - pixel * padded;
        Float8 value = Float8.All(0f);
        if (c < channels)
            value = TPack.LoadSingles(x, pixel * channels + c);
        TPack first = TPack.Narrow(value);
        main[i] = first;
        WriteSmall(value, first, small, pixel * (parts - 1) * padded + c, padded, parts);
    }

    /// <summary>A thread takes one output: y = f(sum + small sum + bias + residual).</summary>
    /// <param name="i">Number of an output among the K of each pixel.</param>
    /// <param name="sums">(N, H, W, padded K); H x W are the extents of the output, or larger.</param>
    /// <param name="small">The same for the small parts, or anything.</param>
    /// <param name="bias">(K).</param>
    /// <param name="residual">(pixels, K), or anything.</param>
    /// <param name="y">(pixels, C').</param>
    /// <param name="e">Extents.</param>
    internal static void FinishKernel(
        Index1D i, ArrayView<float> sums, ArrayView<float> small, ArrayView<float> bias, ArrayView<float> residual, ArrayView<float> y, FinishExtents e)
    {
        int pixel = i / e.Columns, column = i - pixel * e.Columns, line = pixel / e.OutW, image = line / e.OutH;
        int from = (image * e.H + line - image * e.OutH + e.Top) * e.W + pixel - line * e.OutW + e.Left;
        float sum = sums[from * e.Padded + column];
        if ((e.Added & SmallSums) != 0)
            sum += small[from * e.Padded + column];
        sum += bias[column];
        if ((e.Added & ResidualSums) != 0)
            sum += residual[i];
        y[pixel * e.Stride + e.First + column] = Activations.Of(sum, e.Activation);
    }

    /// <summary>Writes all parts but the last, which is the value rounded.</summary>
    private static void WriteSmall<TPack>(Float8 value, TPack first, ArrayView<TPack> target, int at, int step, int parts)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 left = value - TPack.Widen(first);
        TPack second = TPack.Narrow(left);
        if (parts == 3)
        {
            target[at] = second;
            target[at + step] = first;
            return;
        }

        target[at] = TPack.Narrow(left - TPack.Widen(second));
        target[at + step] = second;
        target[at + 2 * step] = first;
        target[at + 3 * step] = second;
        target[at + 4 * step] = first;
    }

    private static Action UnfoldGpu<TPack>(GpuDevice gpu, Layer layer, Tensor matrix, int parts)
        where TPack : unmanaged, IPack<TPack>
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<TPack>, WindowExtents, int, int>(UnfoldKernel);
        var extents = WindowExtents.Of(layer.X.Shape, layer.Y.Shape, layer.Weight.Window, 0);
        extents.C /= TPack.Width;
        int depth = layer.Weight.PaddedDepth / TPack.Width, count = matrix.Count / parts / TPack.Width;
        return () => kernel(gpu.Stream, count, layer.X.View, Packs.View<TPack>(matrix), extents, depth, parts);
    }

    private static Action SplitGpu<TPack>(GpuDevice gpu, Tensor x, Tensor small, Tensor main, int parts)
        where TPack : unmanaged, IPack<TPack>
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<TPack>, ArrayView<TPack>, int, int, int>(SplitKernel);
        int channels = x.Shape.C / TPack.Width, padded = main.Shape.C / TPack.Width, count = main.Count / TPack.Width;
        return () => kernel(gpu.Stream, count, x.View, Packs.View<TPack>(small), Packs.View<TPack>(main), channels, padded, parts);
    }

    private static Action FinishGpu(GpuDevice gpu, Layer layer, Tensor sums, Tensor? small)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, FinishExtents>(FinishKernel);
        Tensor bias = layer.Weight.Bias, y = layer.Y;
        bool cut = small is not null; // sums over taps have the extents of x and a border of one pixel
        FinishExtents extents = new()
        {
            OutH = y.Shape.H,
            OutW = y.Shape.W,
            H = cut ? sums.Shape.H : y.Shape.H,
            W = cut ? sums.Shape.W : y.Shape.W,
            Top = cut ? 1 - layer.Weight.Window.Top : 0,
            Left = cut ? 1 - layer.Weight.Window.Left : 0,
            Columns = bias.Count,
            Padded = sums.Shape.C,
            Stride = y.Shape.C,
            First = layer.First,
            Activation = (int)layer.Activation,
            Added = (cut ? SmallSums : 0) | (layer.Residual is null ? 0 : ResidualSums),
        };
        int count = y.Count / y.Shape.C * bias.Count;
        return () => kernel(gpu.Stream, count, sums.View, (small ?? sums).View, bias.View, (layer.Residual ?? bias).View, y.View, extents);
    }

    /// <summary>
    /// Extents of the output and of the sums, and the first line and column of the sums that are taken; columns of the sums without and with padding; channels of y and
    /// the first that is written; the activation; what is added.
    /// </summary>
    internal struct FinishExtents
    {
        public int OutH, OutW, H, W, Top, Left, Columns, Padded, Stride, First, Activation, Added;
    }
}

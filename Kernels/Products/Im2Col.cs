using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The nine taps of a 3x3 convolution as channels, so that a convolution of few channels, such as an image's three, becomes a 1x1 convolution whose
/// shape suits tensor cores and memory. Unfolding (im2col) copies an image once for each tap, shifted by the tap; folding (col2im), its adjoint,
/// shifts the copies back and adds them.
/// </summary>
/// <remarks>
/// Three channels at nine taps are 27, padded to 32: one k-iteration of a product, whereas a convolution tap by tap would take nine, each of which
/// would hold three channels and 61 zeros.
/// </remarks>
internal static class Im2Col
{
    /// <summary>Taps of a 3x3 convolution.</summary>
    public const int Taps = 9;

    /// <summary>Maximum number of channels for which this pays: their taps are the k indices, or the columns, of one k-iteration.</summary>
    public const int MaxChannels = 64 / Taps;

    private const int Grain = 8, GroupSize = 128;

    /// <summary>Order of taps and channels.</summary>
    public enum Order
    {
        /// <summary>All channels of a tap, then those of the next: the order of a weight (K, taps, C).</summary>
        ChannelsInTaps,

        /// <summary>All taps of a channel, then those of the next: the order of the rows when a weight (K, taps, C) is taken as a matrix (K taps, C).</summary>
        TapsInChannels,
    }

    /// <summary>Number of channels that the taps make, padded to a multiple that products take.</summary>
    public static int Count(int channels) => (Taps * channels + Grain - 1) / Grain * Grain;

    /// <summary>The input with its taps as channels, on the tape: (N, H, W, 9 C padded); channel (tap, c) of a pixel is channel c of the pixel at the tap.</summary>
    public static Tensor UnfoldInput(ComputeProgram program, string op, Tensor x)
    {
        Tensor taps = program.Allocate(With(x.Shape, Count(x.Shape.C)), x.HasTangent, x.Type);
        Unfold(program, $"{op}.taps", x, taps, Order.ChannelsInTaps, 1);
        program.Tape?.Record(taps, [x], () =>
        {
            Tensor dTaps = program.Tape.Cotangent(taps.Primal);
            if (program.Tape.Slot(program, x.Primal) is { } dx)
                Fold(program, $"{op}.backward.taps", dTaps, null, dx, Order.ChannelsInTaps, -1);
        });
        return taps;
    }

    /// <summary>Records the copy of an image's pixels to their taps.</summary>
    /// <param name="program">Program that records the step.</param>
    /// <param name="op">Name of the step.</param>
    /// <param name="source">(N, H, W, C), bf16; a tangent is taken along.</param>
    /// <param name="target">(N, H, W, <see cref="Count"/>), bf16, overwritten; channels after the last tap become zeros, as do taps beyond the border.</param>
    /// <param name="order">Order of the target's channels.</param>
    /// <param name="direction">1 if a tap holds the pixel at its shift, -1 if it holds the pixel at the opposite shift.</param>
    public static void Unfold(ComputeProgram program, string op, Tensor source, Tensor target, Order order, int direction) => program.Emit(
        op, [source], [target], _ => throw new NotSupportedException($"{op}: taps stay apart on the host"), gpu =>
        {
            var kernel = gpu.Accelerator.LoadKernel<ArrayView<BFloat16>, ArrayView<BFloat16>, int, int, int, int, int, int, int>(UnfoldKernel);
            (int h, int w, int channels) = (source.Shape.H, source.Shape.W, source.Shape.C);
            return () => kernel(
                gpu.Stream, (source.StoredN * h, Threads(gpu)), source.ViewOf<BFloat16>(), target.ViewOf<BFloat16>(), h, w, channels, target.Shape.C,
                TapStride(order, channels), ChannelStride(order), direction);
        });

    /// <summary>Records the sum, in fp32, over the taps of each channel.</summary>
    /// <param name="program">Program that records the step.</param>
    /// <param name="op">Name of the step.</param>
    /// <param name="source">(N, H, W, <see cref="Count"/>), bf16.</param>
    /// <param name="bias">(C), fp32, added for primal pixels; or null.</param>
    /// <param name="target">(N, H, W, C), bf16.</param>
    /// <param name="order">Order of the source's channels.</param>
    /// <param name="direction">1 if a tap's channels come from the pixel at its shift, -1 if they come from the pixel at the opposite shift.</param>
    public static void Fold(ComputeProgram program, string op, Tensor source, Tensor? bias, GradientSlot target, Order order, int direction) => program.Emit(
        op, [source, bias, target.ReadTensor], [target.Tensor], _ => throw new NotSupportedException($"{op}: taps stay apart on the host"), gpu =>
        {
            var kernel = gpu.Accelerator.LoadKernel<ArrayView<BFloat16>, ArrayView<float>, ArrayView<BFloat16>, int, int, int, int, int, int, int, int, int>(FoldKernel);
            Tensor y = target.Tensor;
            (int h, int w, int channels) = (y.Shape.H, y.Shape.W, y.Shape.C);
            return () => kernel(
                gpu.Stream, (y.StoredN * h, Threads(gpu)), source.ViewOf<BFloat16>(), bias?.View ?? default, y.ViewOf<BFloat16>(), h, w, channels, source.Shape.C,
                TapStride(order, channels), ChannelStride(order), direction, bias is null ? 0 : y.Shape.N * h, target.Add);
        });

    /// <summary>A group takes a line of pixels, a thread one tap of a pixel; a tenth thread writes the zeros after the taps.</summary>
    internal static void UnfoldKernel(
        ArrayView<BFloat16> source, ArrayView<BFloat16> target, int height, int width, int channels, int columns, int tapStride, int channelStride, int direction)
    {
        int line = Grid.IdxX, h = line % height;
        for (int i = Group.IdxX; i < width * (Taps + 1); i += Group.DimX)
        {
            int w = i / (Taps + 1), tap = i - w * (Taps + 1), to = (line * width + w) * columns;
            if (tap == Taps)
            {
                for (int column = Taps * channels; column < columns; column++)
                    target[to + column] = default;
            }
            else
            {
                int down = direction * (tap / 3 - 1), x = w + direction * (tap % 3 - 1);
                bool inside = h + down >= 0 && h + down < height && x >= 0 && x < width;
                int from = ((line + down) * width + x) * channels;
                to += tap * tapStride;
                for (int c = 0; c < channels; c++)
                {
                    BFloat16 value = default;
                    if (inside)
                        value = source[from + c];
                    target[to + c * channelStride] = value;
                }
            }
        }
    }

    /// <summary>A group takes a line of pixels, a thread one channel of a pixel, so that a warp reads few cache lines at a time.</summary>
    internal static void FoldKernel(
        ArrayView<BFloat16> source, ArrayView<float> bias, ArrayView<BFloat16> target, int height, int width, int channels, int columns, int tapStride,
        int channelStride, int direction, int biasedLines, int add)
    {
        int line = Grid.IdxX, h = line % height;
        for (int i = Group.IdxX; i < width * channels; i += Group.DimX)
        {
            int w = i / channels, c = i - w * channels, place = line * width * channels + i;
            float sum = line < biasedLines ? bias[c] : 0f;
            for (int tap = 0; tap < Taps; tap++)
            {
                int down = direction * (tap / 3 - 1), x = w + direction * (tap % 3 - 1);
                if (h + down >= 0 && h + down < height && x >= 0 && x < width)
                    sum += BFloat16.ToSingle(source[((line + down) * width + x) * columns + tap * tapStride + c * channelStride]);
            }

            if (add != 0)
                sum += BFloat16.ToSingle(target[place]);
            target[place] = BFloat16.FromSingle(sum);
        }
    }

    private static int TapStride(Order order, int channels) => order == Order.ChannelsInTaps ? channels : 1;

    private static int ChannelStride(Order order) => order == Order.ChannelsInTaps ? 1 : Taps;

    private static int Threads(GpuDevice gpu) => Math.Min(GroupSize, gpu.Accelerator.MaxNumThreadsPerGroup);

    private static Shape With(Shape shape, int channels) => new(shape.N, shape.H, shape.W, channels);
}

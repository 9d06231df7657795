using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Portable kernels for rows of any length. A group normalises a pixel; the gradient of the modulation is then summed by a thread for each channel of an
/// image, from the factors that the first pass left for each pixel.
/// </summary>
public static partial class ModulatedNorm
{
    /// <summary>Threads of a group: each has only a few elements of a pixel, so more would spend their time at barriers.</summary>
    private const int PixelGroup = 64;

    internal static void ForwardKernel<T>(ArrayView<T> x, ArrayView<float> modulation, ArrayView<T> y, Extents e)
        where T : unmanaged, IElement<T>
    {
        int pixel = Grid.IdxX, start = pixel * e.Channels, image = pixel / e.Pixels;
        MagnitudeScale of = e.Of(MeanProduct(x, start, start, e));
        float projection = 0f;
        if (e.Tangent != 0)
            projection = of.Weight * MeanProduct(x, start, start + e.TangentOffset, e);
        for (int c = Group.IdxX; c < e.Channels; c += Group.DimX)
        {
            float primal = T.ToSingle(x[start + c]), n = of.R * primal;
            Activation a = Activate(n, Modulation(modulation, image, c, 0, e));
            y[start + c] = T.FromSingle(e.Gain * a.Value);
            if (e.Tangent == 0)
                continue;
            float tu = (of.R * T.ToSingle(x[start + c + e.TangentOffset]) - primal * projection) * Modulation(modulation, image, c, 0, e).Scale;
            if (e.ModulationTangent != 0)
            {
                ChannelModulation tangent = Modulation(modulation, image, c, e.ModulationTangentOffset, e);
                tu += n * tangent.Scale + tangent.Shift;
            }

            y[start + c + e.TangentOffset] = T.FromSingle(e.Gain * a.Slope * tu);
        }
    }

    /// <summary>Writes dx unless <paramref name="add"/> is negative, and the norm's factor r of each pixel into the scratch.</summary>
    internal static void BackwardPixelsKernel<T>(
        ArrayView<T> x, ArrayView<float> modulation, ArrayView<T> dy, ArrayView<T> dx, ArrayView<float> scratch, int add, Extents e)
        where T : unmanaged, IElement<T>
    {
        int pixel = Grid.IdxX, start = pixel * e.Channels, image = pixel / e.Pixels;
        MagnitudeScale of = e.Of(MeanProduct(x, start, start, e));
        if (Group.IdxX == 0)
            scratch[pixel] = of.R;
        if (add < 0)
            return;
        float sum = 0f;
        for (int c = Group.IdxX; c < e.Channels; c += Group.DimX)
            sum += T.ToSingle(x[start + c]) * NormCotangent(T.ToSingle(x[start + c]), T.ToSingle(dy[start + c]), of.R, Modulation(modulation, image, c, 0, e), e.Gain);
        float projection = of.Weight * ((float)GroupSum.Of(sum) / e.Channels);
        for (int c = Group.IdxX; c < e.Channels; c += Group.DimX)
        {
            float primal = T.ToSingle(x[start + c]);
            float value = of.R * NormCotangent(primal, T.ToSingle(dy[start + c]), of.R, Modulation(modulation, image, c, 0, e), e.Gain) - primal * projection;
            dx[start + c] = T.FromSingle(add != 0 ? T.ToSingle(dx[start + c]) + value : value);
        }
    }

    internal static void BackwardModulationKernel<T>(
        Index1D i, ArrayView<T> x, ArrayView<float> modulation, ArrayView<T> dy, ArrayView<float> scratch, ArrayView<float> dModulation, int add, Extents e)
        where T : unmanaged, IElement<T>
    {
        int image = i / e.Channels, c = i - image * e.Channels;
        ChannelModulation of = Modulation(modulation, image, c, 0, e);
        float scale = 0f, shift = 0f;
        for (int pixel = image * e.Pixels; pixel < (image + 1) * e.Pixels; pixel++)
        {
            float n = scratch[pixel] * T.ToSingle(x[pixel * e.Channels + c]);
            float du = e.Gain * Activate(n, of).Slope * T.ToSingle(dy[pixel * e.Channels + c]);
            scale += n * du;
            shift += du;
        }

        int at = image * e.ModulationChannels + c;
        dModulation[at] = add != 0 ? dModulation[at] + scale : scale;
        if (e.Shifts != 0)
            dModulation[at + e.Channels] = add != 0 ? dModulation[at + e.Channels] + shift : shift;
    }

    /// <summary>Mean over the channels of the product of two rows, x itself or its tangent; to every thread of the group.</summary>
    private static float MeanProduct<T>(ArrayView<T> x, int first, int second, Extents e)
        where T : unmanaged, IElement<T>
    {
        float sum = 0f;
        for (int c = Group.IdxX; c < e.Channels; c += Group.DimX)
            sum += T.ToSingle(x[first + c]) * T.ToSingle(x[second + c]);
        return (float)GroupSum.Of(sum) / e.Channels;
    }

    private static float NormCotangent(float x, float dy, float r, ChannelModulation of, float gain) => of.Scale * gain * Activate(r * x, of).Slope * dy;

    private static ChannelModulation Modulation(ArrayView<float> modulation, int image, int c, int offset, Extents e)
    {
        int at = offset + image * e.ModulationChannels + c;
        ChannelModulation result;
        result.Scale = modulation[at];
        result.Shift = 0f;
        if (e.Shifts != 0)
            result.Shift = modulation[at + e.Channels];
        return result;
    }

    private static Activation Activate(float n, ChannelModulation of)
    {
        float u = n * of.Scale + of.Shift, s = 1f / (1f + MathF.Exp(-u));
        Activation result;
        result.Value = u * s;
        result.Slope = DeviceMath.SiluSlope(u, s);
        return result;
    }

    private static Action ForwardPortable<T>(GpuDevice gpu, Terms terms, Tensor y)
        where T : unmanaged, IElement<T>
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<T>, ArrayView<float>, ArrayView<T>, Extents>(ForwardKernel);
        KernelConfig grid = PixelGrid(gpu, terms.Extents);
        return () => kernel(gpu.Stream, grid, terms.X.ViewOf<T>(), terms.Modulation.View, y.ViewOf<T>(), terms.Extents);
    }

    private static Action BackwardPortable<T>(GpuDevice gpu, Terms terms, Gradients gradients)
        where T : unmanaged, IElement<T>
    {
        var pixels = gpu.Accelerator.LoadKernel<
            ArrayView<T>, ArrayView<float>, ArrayView<T>, ArrayView<T>, ArrayView<float>, int, Extents>(BackwardPixelsKernel);
        var modulation = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<T>, ArrayView<float>, ArrayView<T>, ArrayView<float>, ArrayView<float>, int, Extents>(BackwardModulationKernel);
        Extents e = terms.Extents;
        KernelConfig grid = PixelGrid(gpu, e);
        return () =>
        {
            ArrayView<T> x = terms.X.ViewOf<T>(), dy = gradients.Dy.ViewOf<T>();
            ArrayView<float> scratch = gradients.Scratch.View;
            pixels(gpu.Stream, grid, x, terms.Modulation.View, dy, gradients.X?.Tensor.ViewOf<T>() ?? dy, scratch, gradients.X?.Add ?? -1, e);
            if (gradients.Modulation is { } slot)
                modulation(gpu.Stream, e.Images * e.Channels, x, terms.Modulation.View, dy, scratch, slot.Tensor.View, slot.Add, e);
        };
    }

    private static KernelConfig PixelGrid(GpuDevice gpu, Extents e) => new(e.Images * e.Pixels, Math.Min(PixelGroup, gpu.ReductionGroup));

    private static Action ForwardGpu(GpuDevice gpu, Terms terms, Tensor y)
    {
        if (FastTiling.For(gpu, terms.X) is { } fast)
            return ForwardFast(gpu, terms, y, fast);
        return terms.X.Type == DType.BFloat16 ? ForwardPortable<BFloat16>(gpu, terms, y) : ForwardPortable<Single32>(gpu, terms, y);
    }

    private static Action BackwardGpu(GpuDevice gpu, Terms terms, Gradients gradients)
    {
        if (FastTiling.For(gpu, terms.X) is { } fast)
            return BackwardFast(gpu, terms, gradients, fast);
        return terms.X.Type == DType.BFloat16 ? BackwardPortable<BFloat16>(gpu, terms, gradients) : BackwardPortable<Single32>(gpu, terms, gradients);
    }

    /// <summary>Scale and shift of a channel.</summary>
    private struct ChannelModulation
    {
        public float Scale, Shift;
    }

    /// <summary>silu(u) and its derivative.</summary>
    private struct Activation
    {
        public float Value, Slope;
    }
}

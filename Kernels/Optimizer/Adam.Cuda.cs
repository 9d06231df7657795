using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// On a GPU, one thread computes the coefficients [rate factor / (1 - b1^k), 1 / sqrt(1 - b2^k), epsilon], or [rate / (1 - b1^k), 0, 1]
/// without adaptation. Then each thread updates four elements and issues all their 16-byte loads before it uses the first.
/// </summary>
public static partial class Adam
{
    private const int AverageOutput = 1, RoundedOutput = 2, ZeroNonFinite = 4;

    internal static void CoefficientsKernel(
        Index1D index, ArrayView<double> state, ArrayView<float> learningRate, ArrayView<float> clip, ArrayView<float> coefficients,
        float beta1, float beta2, float epsilon, int rectified)
    {
        if (clip[1] == 0f)
            return;
        double correction1 = NextCorrection(beta1, state[0]);
        double correction2 = NextCorrection(beta2, state[1]);
        double k = state[2] + 1;
        state[0] = correction1;
        state[1] = correction2;
        state[2] = k;
        double factor = rectified != 0 ? RAdam.Rectification(beta2, correction2, k) : 1;
        bool adaptive = factor > 0;
        coefficients[0] = (float)(learningRate[0] / correction1 * (adaptive ? factor : 1));
        coefficients[1] = adaptive ? (float)(1 / Math.Sqrt(correction2)) : 0f;
        coefficients[2] = adaptive ? epsilon : 1f;
    }

    /// <param name="index">Index of the first of four elements, divided by four.</param>
    /// <param name="values">Master weights.</param>
    /// <param name="gradients">Gradients.</param>
    /// <param name="first">First moments.</param>
    /// <param name="second">Second moments.</param>
    /// <param name="average">Average; any view if there is none.</param>
    /// <param name="gain">Gain of the average; any view if there is none.</param>
    /// <param name="rounded">Compute weights; any view if there are none.</param>
    /// <param name="coefficients">Coefficients, as in the class's summary.</param>
    /// <param name="clip">Norm of the gradients and their factor, as <see cref="GradientNorm"/> wrote them.</param>
    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="modes">Sum of 1 for an average, 2 for compute weights, 4 to take gradients that are not finite as 0.</param>
    internal static void UpdateKernel(
        Index1D index, ArrayView<float> values, ArrayView<float> gradients, ArrayView<float> first, ArrayView<float> second,
        ArrayView<float> average, ArrayView<float> gain, ArrayView<BFloat16> rounded, ArrayView<float> coefficients,
        ArrayView<float> clip, float beta1, float beta2, int count, int modes)
    {
        int i = 4 * index;
        int valid = count - i;
        int aligned = valid >= 4 ? 1 : 0;
        float factor = clip[1];
        if (factor != 0f)
        {
            Float4 g = Float4.Load(gradients, i, valid, aligned);
            Float4 m = Float4.Load(first, i, valid, aligned);
            Float4 v = Float4.Load(second, i, valid, aligned);
            Float4 value = Float4.Load(values, i, valid, aligned);
            Float4 old = Float4.Load(average, i, (modes & AverageOutput) != 0 ? valid : 0, aligned);
            if ((modes & ZeroNonFinite) != 0)
                g = Float4.FiniteOrZero(g);
            g = factor * g;
            m = Float4.MultiplyAdd(beta1, m, (1f - beta1) * g);
            v = Float4.MultiplyAdd(beta2, v, (1f - beta2) * g * g);
            float rate = coefficients[0], root = coefficients[1], floor = coefficients[2];
            value = Float4.Of(
                Moved(value.X, m.X, v.X, rate, root, floor), Moved(value.Y, m.Y, v.Y, rate, root, floor),
                Moved(value.Z, m.Z, v.Z, rate, root, floor), Moved(value.W, m.W, v.W, rate, root, floor));
            Float4.Store(first, i, valid, aligned, m);
            Float4.Store(second, i, valid, aligned, v);
            Float4.Store(values, i, valid, aligned, value);
            if ((modes & AverageOutput) != 0)
                Float4.Store(average, i, valid, aligned, Float4.MultiplyAdd(gain[0], value - old, old));
            if ((modes & RoundedOutput) != 0)
                StoreRounded(rounded, i, valid, value);
        }

        Float4.Store(gradients, i, valid, aligned, Float4.All(0f));
    }

    private static float Moved(float value, float m, float v, float rate, float root, float floor) =>
        value - rate * m / (MathF.Sqrt(v) * root + floor);

    private static void StoreRounded(ArrayView<BFloat16> rounded, int i, int valid, Float4 value)
    {
        if (valid >= 4)
        {
            WordPair words;
            words.First = BFloat16.Pack(value.X, value.Y);
            words.Second = BFloat16.Pack(value.Z, value.W);
            rounded.Cast<WordPair>()[i >> 2] = words;
            return;
        }

        rounded[i] = BFloat16.FromSingle(value.X);
        if (valid > 1)
            rounded[i + 1] = BFloat16.FromSingle(value.Y);
        if (valid > 2)
            rounded[i + 2] = BFloat16.FromSingle(value.Z);
    }

    private static Action CoefficientsGpu(
        GpuDevice gpu, Tensor state, Tensor learningRate, Tensor clip, Tensor coefficients, AdamOptions options, int rectified)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<double>, ArrayView<float>, ArrayView<float>, ArrayView<float>, float, float, float, int>(CoefficientsKernel);
        return () => kernel(
            gpu.Stream, 1, state.ViewOf<double>(), learningRate.View, clip.View, coefficients.View, options.Beta1, options.Beta2,
            options.Epsilon, rectified);
    }

    private static Action UpdateGpu(GpuDevice gpu, AdamSlabs slabs, Tensor coefficients, Tensor clip, AdamOptions options)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            ArrayView<BFloat16>, ArrayView<float>, ArrayView<float>, float, float, int, int>(UpdateKernel);
        int modes = (slabs.Average is null ? 0 : AverageOutput) | (slabs.ComputeWeights is null ? 0 : RoundedOutput) | (options.ZeroNonFinite ? ZeroNonFinite : 0);
        return () => kernel(
            gpu.Stream, (slabs.MasterWeights.Count + 3) / 4, slabs.MasterWeights.View, slabs.Gradients.View, slabs.FirstMoments.View, slabs.SecondMoments.View,
            (slabs.Average?.Values ?? slabs.MasterWeights).View, (slabs.Average?.Gain ?? coefficients).View,
            slabs.ComputeWeights is { } rounded ? rounded.ViewOf<BFloat16>() : slabs.MasterWeights.View.Cast<BFloat16>(), coefficients.View, clip.View,
            options.Beta1, options.Beta2, slabs.MasterWeights.Count, modes);
    }

    /// <summary>Four bf16 numbers, written by one 8-byte store.</summary>
    private struct WordPair
    {
        public uint First;
        public uint Second;
    }
}

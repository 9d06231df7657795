using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// One thread for the coefficients, [rate factor / (1 - b1^k), 1 / sqrt(1 - b2^k), epsilon] or, without adaptation, [.., 0, 1];
/// then one thread an element, four loads and four stores of 4 bytes.
/// </summary>
public static partial class Adam
{
    internal static void CoefficientsKernel(
        Index1D index, ArrayView<double> state, ArrayView<float> learningRate, ArrayView<float> verdict, ArrayView<float> coefficients,
        float beta1, float beta2, float epsilon, int rectified)
    {
        if (verdict[1] == 0f)
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

    internal static void UpdateKernel(
        Index1D i, ArrayView<float> values, ArrayView<float> gradients, ArrayView<float> first, ArrayView<float> second,
        ArrayView<float> coefficients, ArrayView<float> verdict, float beta1, float beta2)
    {
        float factor = verdict[1];
        if (factor != 0f)
        {
            float g = factor * gradients[i];
            float m = beta1 * first[i] + (1f - beta1) * g;
            float v = beta2 * second[i] + (1f - beta2) * g * g;
            first[i] = m;
            second[i] = v;
            values[i] -= coefficients[0] * m / (MathF.Sqrt(v) * coefficients[1] + coefficients[2]);
        }

        gradients[i] = 0f;
    }

    private static Action CoefficientsGpu(
        GpuDevice gpu, Tensor state, Tensor learningRate, Tensor verdict, Tensor coefficients, AdamOptions options, int rectified)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<double>, ArrayView<float>, ArrayView<float>, ArrayView<float>, float, float, float, int>(CoefficientsKernel);
        return () => kernel(
            gpu.Stream, 1, state.ViewOf<double>(), learningRate.View, verdict.View, coefficients.View, options.Beta1, options.Beta2,
            options.Epsilon, rectified);
    }

    private static Action UpdateGpu(GpuDevice gpu, AdamSlabs slabs, Tensor coefficients, Tensor verdict, AdamOptions options)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            float, float>(UpdateKernel);
        return () => kernel(
            gpu.Stream, slabs.Values.Count, slabs.Values.View, slabs.Gradients.View, slabs.First.View, slabs.Second.View, coefficients.View,
            verdict.View, options.Beta1, options.Beta2);
    }
}

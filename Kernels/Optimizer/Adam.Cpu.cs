using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, the op is bound by memory; threads take vectorised blocks, large enough to hide the cost of scheduling them.</summary>
public static partial class Adam
{
    private const int Block = 1 << 15;

    /// <summary>Returns 1 - b^k from 1 - b^(k-1): accurate for small k, where 1 minus a running product would cancel.</summary>
    private static double NextCorrection(float beta, double correction) => 1 - (double)beta + beta * correction;

    private static void CoefficientsCpu(
        Tensor state, Tensor learningRate, Tensor clip, Tensor coefficients, AdamOptions options, int rectified)
    {
        if (clip.Span[1] == 0f)
            return;
        Span<double> running = state.SpanOf<double>();
        running[0] = NextCorrection(options.Beta1, running[0]);
        running[1] = NextCorrection(options.Beta2, running[1]);
        running[2]++;
        double factor = rectified != 0 ? RAdam.Rectification(options.Beta2, running[1], running[2]) : 1;
        bool adaptive = factor > 0;
        coefficients.Span[0] = (float)(learningRate.Span[0] / running[0] * (adaptive ? factor : 1));
        coefficients.Span[1] = adaptive ? (float)(1 / Math.Sqrt(running[1])) : 0f;
        coefficients.Span[2] = adaptive ? options.Epsilon : 1f;
    }

    private static void UpdateCpu(CpuDevice cpu, AdamSlabs slabs, Tensor coefficients, Tensor clip, AdamOptions options) =>
        cpu.For(slabs.MasterWeights.Count, Block, (start, end) =>
        {
            Range block = (int)start..(int)end;
            Span<float> gradients = slabs.Gradients.Span[block];
            float factor = clip.Span[1];
            if (factor != 0f)
            {
                Span<float> values = slabs.MasterWeights.Span[block];
                Update(values, gradients, slabs.FirstMoments.Span[block], slabs.SecondMoments.Span[block], coefficients.Span, factor, options);
                if (slabs.Average is { } average)
                    ExponentialAverage.Move(values, average.Values.Span[block], average.Gain.Span[0]);
                if (slabs.ComputeWeights is { } computeWeights)
                    Round(values, computeWeights.SpanOf<BFloat16>()[block]);
            }

            gradients.Clear();
        });

    private static void Round(ReadOnlySpan<float> values, Span<BFloat16> rounded)
    {
        for (int i = 0; i < values.Length; i++)
            rounded[i] = BFloat16.FromSingle(values[i]);
    }

    private static void Update(
        Span<float> values, ReadOnlySpan<float> gradients, Span<float> first, Span<float> second, ReadOnlySpan<float> coefficients,
        float factor, AdamOptions options)
    {
        float beta1 = options.Beta1, beta2 = options.Beta2, rate = coefficients[0], root = coefficients[1], floor = coefficients[2];
        bool zeroes = options.ZeroNonFinite;
        var floors = new Vector<float>(floor);
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var gradient = new Vector<float>(gradients[i..]);
            Vector<float> g = factor * (zeroes ? Vector.ConditionalSelect(HostSum.FiniteLanes(gradient), gradient, Vector<float>.Zero) : gradient);
            Vector<float> m = beta1 * new Vector<float>(first[i..]) + (1f - beta1) * g;
            Vector<float> v = beta2 * new Vector<float>(second[i..]) + (1f - beta2) * g * g;
            m.CopyTo(first[i..]);
            v.CopyTo(second[i..]);
            (new Vector<float>(values[i..]) - rate * m / (Vector.SquareRoot(v) * root + floors)).CopyTo(values[i..]);
        }

        for (; i < values.Length; i++)
        {
            float g = factor * (zeroes && !float.IsFinite(gradients[i]) ? 0f : gradients[i]);
            first[i] = beta1 * first[i] + (1f - beta1) * g;
            second[i] = beta2 * second[i] + (1f - beta2) * g * g;
            values[i] -= rate * first[i] / (MathF.Sqrt(second[i]) * root + floor);
        }
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>
/// The processor's peak rate in fp32: fused multiply-adds on registers alone, on all threads of a device. Host kernels are compared with
/// it in the same minute, since clock frequency and load of a machine change.
/// </summary>
public static class FmaPeak
{
    private const int Chains = 12; // more than latency x pipes (4 x 2), and as many as 16 registers hold beside the factors

    /// <summary>Measures the peak once, in 10^9 floating-point operations per second; an FMA counts as two.</summary>
    /// <param name="cpu">The device whose threads run it.</param>
    /// <param name="flops">
    /// Operations of the run: as many as the kernel has with which the peak is compared, so that an interruption is as likely in both.
    /// </param>
    public static double Measure(CpuDevice cpu, double flops = 1e9)
    {
        int width = Vector512.IsHardwareAccelerated ? Vector512<float>.Count : Vector256<float>.Count;
        float[] results = new float[16 * cpu.Threads]; // many short items, so that the others take over from a thread that is delayed
        double flopsPerIteration = 2.0 * Chains * width * results.Length;
        int iterations = (int)Math.Ceiling(flops / flopsPerIteration);
        long start = Stopwatch.GetTimestamp();
        cpu.For(results.Length, i => results[i] = Vector512.IsHardwareAccelerated ? Run512(iterations) : Run256(iterations));
        return flopsPerIteration * iterations / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Run256(int iterations)
    {
        Vector256<float> factor = Vector256.Create(0.999f), term = Vector256.Create(0.001f); // converges to 1: no denormals
        Vector256<float> s0 = term, s1 = term, s2 = term, s3 = term, s4 = term, s5 = term;
        Vector256<float> s6 = term, s7 = term, s8 = term, s9 = term, s10 = term, s11 = term;
        for (int i = 0; i < iterations; i++)
        {
            s0 = Vector256.MultiplyAddEstimate(s0, factor, term);
            s1 = Vector256.MultiplyAddEstimate(s1, factor, term);
            s2 = Vector256.MultiplyAddEstimate(s2, factor, term);
            s3 = Vector256.MultiplyAddEstimate(s3, factor, term);
            s4 = Vector256.MultiplyAddEstimate(s4, factor, term);
            s5 = Vector256.MultiplyAddEstimate(s5, factor, term);
            s6 = Vector256.MultiplyAddEstimate(s6, factor, term);
            s7 = Vector256.MultiplyAddEstimate(s7, factor, term);
            s8 = Vector256.MultiplyAddEstimate(s8, factor, term);
            s9 = Vector256.MultiplyAddEstimate(s9, factor, term);
            s10 = Vector256.MultiplyAddEstimate(s10, factor, term);
            s11 = Vector256.MultiplyAddEstimate(s11, factor, term);
        }

        return Vector256.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Run512(int iterations)
    {
        Vector512<float> factor = Vector512.Create(0.999f), term = Vector512.Create(0.001f);
        Vector512<float> s0 = term, s1 = term, s2 = term, s3 = term, s4 = term, s5 = term;
        Vector512<float> s6 = term, s7 = term, s8 = term, s9 = term, s10 = term, s11 = term;
        for (int i = 0; i < iterations; i++)
        {
            s0 = Vector512.MultiplyAddEstimate(s0, factor, term);
            s1 = Vector512.MultiplyAddEstimate(s1, factor, term);
            s2 = Vector512.MultiplyAddEstimate(s2, factor, term);
            s3 = Vector512.MultiplyAddEstimate(s3, factor, term);
            s4 = Vector512.MultiplyAddEstimate(s4, factor, term);
            s5 = Vector512.MultiplyAddEstimate(s5, factor, term);
            s6 = Vector512.MultiplyAddEstimate(s6, factor, term);
            s7 = Vector512.MultiplyAddEstimate(s7, factor, term);
            s8 = Vector512.MultiplyAddEstimate(s8, factor, term);
            s9 = Vector512.MultiplyAddEstimate(s9, factor, term);
            s10 = Vector512.MultiplyAddEstimate(s10, factor, term);
            s11 = Vector512.MultiplyAddEstimate(s11, factor, term);
        }

        return Vector512.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11);
    }
}

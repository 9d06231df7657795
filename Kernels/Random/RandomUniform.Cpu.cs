using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, random words are vectorised, on all threads.</summary>
public static partial class RandomUniform
{
    private static void IntoCpu(CpuDevice cpu, Tensor target, RandomStream stream, Tensor counter, float scale) =>
        RandomStream.ForRuns(cpu, stream, counter, target, (start, words, count) =>
        {
            Span<float> uniforms = target.Span.Slice(start, count);
            for (int i = 0; i < uniforms.Length; i++)
                uniforms[i] = Philox.ToUnit(words[i]) * scale;
        });
}

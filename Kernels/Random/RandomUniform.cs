using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Uniform numbers in (0, 1], times a scale: 24 bits of a Philox word each.</summary>
/// <remarks>Constants to the tape. The same bits on every device.</remarks>
public static partial class RandomUniform
{
    private const string Name = "random-uniform";

    /// <summary>Fills a tensor.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="target">(N, ...): transient or persistent, or one half of a dual tensor.</param>
    /// <param name="random">Stream; sample n of the target has the number of its counter plus n.</param>
    /// <param name="scale">Largest number.</param>
    /// <exception cref="ArgumentException">The target is dual or not fp32, or the counter is not Int32 (2).</exception>
    public static void Into(ComputeProgram program, Tensor target, RandomSource random, float scale = 1f)
    {
        Expect.Float32(Name, target);
        Expect.NoTangent(Name, target);
        RandomStream stream = RandomStream.Of(Name, random);
        program.Emit(
            $"{Name}.forward", [random.Counter], [target],
            cpu => IntoCpu(cpu, target, stream, random.Counter, scale), gpu => IntoGpu(gpu, target, stream, random.Counter, scale));
    }
}

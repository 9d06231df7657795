using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Uniform numbers in (0, scale], each from 24 bits of a Philox word.</summary>
/// <remarks>The numbers are constants to the tape and have the same bits on every device.</remarks>
public static partial class RandomUniform
{
    private const string Name = "random-uniform";

    /// <summary>Fills a tensor.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="target">Tensor to fill (N, ...), fp32: transient, persistent, or the primal or tangent of a dual tensor.</param>
    /// <param name="random">Stream; sample n of the target has the index of the counter's first sample plus n.</param>
    /// <param name="scale">Upper bound of the numbers.</param>
    /// <exception cref="ArgumentException">The target is dual or not fp32, the counter is not Int32 (2), or either is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
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

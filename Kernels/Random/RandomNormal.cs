using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Standard normal numbers times a scale, by Box and Muller's transform of Philox words (Annals of Math. Stat. 29, 1958).</summary>
/// <remarks>
/// Four words give four numbers: sqrt(-2 ln u0) cos(2 pi u1), sqrt(-2 ln u0) sin(2 pi u1), and the same of u2, u3. With u of
/// 24 bits no number exceeds 5.77. Constants to the tape. Devices agree to 1e-6 times the scale.
/// </remarks>
public static partial class RandomNormal
{
    private const string Name = "random-normal";

    /// <summary>Fills a tensor.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="target">(N, ...): transient or persistent, or one half of a dual tensor.</param>
    /// <param name="random">Stream; sample n of the target has the number of its counter plus n.</param>
    /// <param name="scale">Standard deviation.</param>
    /// <exception cref="ArgumentException">The target is dual or not fp32, or the counter is neither Int32 (2) nor (4).</exception>
    public static void Into(ComputeProgram program, Tensor target, RandomSource random, float scale = 1f)
    {
        Expect.Float32(Name, target);
        Expect.NoTangent(Name, target);
        RandomStream stream = RandomStream.Of(Name, random, mayBeKeyed: true);
        program.Emit(
            $"{Name}.forward", [random.Counter], [target],
            cpu => IntoCpu(cpu, target, stream, random.Counter, scale), gpu => IntoGpu(gpu, target, stream, random.Counter, scale));
    }

    /// <summary>Four standard normal numbers from four words, on the host and in kernels.</summary>
    internal static Quad From(Philox.Words words)
    {
        float radius = MathF.Sqrt(-2f * DeviceMath.Log(Philox.ToUnit(words.A)));
        DeviceMath.Angle angle = DeviceMath.SinCosOfTurns(Philox.ToUnit(words.B));
        var quad = new Quad { A = radius * angle.Cos, B = radius * angle.Sin };
        radius = MathF.Sqrt(-2f * DeviceMath.Log(Philox.ToUnit(words.C)));
        angle = DeviceMath.SinCosOfTurns(Philox.ToUnit(words.D));
        quad.C = radius * angle.Cos;
        quad.D = radius * angle.Sin;
        return quad;
    }

    /// <summary>The numbers of four consecutive elements.</summary>
    internal struct Quad
    {
        public float A;
        public float B;
        public float C;
        public float D;
    }
}

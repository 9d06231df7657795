using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Normal numbers with mean 0 and a given deviation, by the Box-Muller transform of Philox words (Annals of Math. Stat. 29, 1958).</summary>
/// <remarks>
/// Four words give four numbers: sqrt(-2 ln u0) cos(2 pi u1), sqrt(-2 ln u0) sin(2 pi u1), and the same of u2, u3. As u has
/// 24 bits, no number exceeds 5.77 deviations. The numbers are constants to the tape. Devices agree to 1e-6 times the scale.
/// </remarks>
public static partial class RandomNormal
{
    private const string Name = "random-normal";

    /// <summary>Fills a tensor.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="target">Tensor to fill (N, ...), fp32: transient, persistent, or the primal or tangent of a dual tensor.</param>
    /// <param name="random">Stream; sample n of the target has the index of the counter's first sample plus n.</param>
    /// <param name="scale">Standard deviation.</param>
    /// <exception cref="ArgumentException">The target is not fp32 or dual, the counter is neither Int32 (2) nor (4), or one is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Into(ComputeProgram program, Tensor target, RandomSource random, float scale = 1f)
    {
        Expect.Float32(Name, target);
        Expect.NoTangent(Name, target);
        RandomStream stream = RandomStream.Of(Name, random, mayBeKeyed: true);
        program.Emit(
            $"{Name}.forward", [random.Counter], [target],
            cpu => IntoCpu(cpu, target, stream, random.Counter, scale), gpu => IntoGpu(gpu, target, stream, random.Counter, scale));
    }

    /// <summary>Returns four standard normal numbers from four words, on the host and in kernels.</summary>
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

    /// <summary>Numbers of four consecutive elements.</summary>
    internal struct Quad
    {
        public float A;
        public float B;
        public float C;
        public float D;
    }
}

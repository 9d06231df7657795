using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="Clamp"/> in place, of which 0.3 % of the elements are out of bounds when the result is checked, and none when it is timed, as at the end of an EDM2 block.</summary>
/// <param name="n">Images.</param>
/// <param name="size">Height and width.</param>
/// <param name="channels">Channels.</param>
/// <param name="type">Storage type.</param>
/// <param name="direction">One of <see cref="MapCase.Directions"/>.</param>
internal sealed class ClampCase(int n, int size, int channels, DType type, string direction) : KernelCase("clamp", direction, $"n{n} c{channels} {size}x{size}", type)
{
    private const int Samples = 2048;

    /// <summary>Of standard normal numbers.</summary>
    private const float Bound = 3;

    public static readonly CaseFamily Kind = new(
        "clamp", "n IMAGES c CHANNELS SIZExSIZE, without the blanks behind n and c: n128 c192 64x64", @"n(?<n>\d+) c(?<c>\d+) (?<size>\d+)x\k<size>", MapCase.Directions,
        (s, direction, type) => new ClampCase(s["n"], s["size"], s["c"], type, direction))
    {
        Shapes = scope => scope.Shapes(["n2 c12 8x8"], ["n32 c64 16x16"], layers => layers.Clamps),
    };

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Each direction reads the primal alone: what is out of bounds is written, and its tangent or gradient with it, but nothing is.</summary>
    public override double Bytes => Stored((double)n * size * size * channels);

    private bool IsDual => Direction == Suite.Direction.Tangent;

    public override RecordedKernel Record(ComputeDevice device)
    {
        var x = new Operand(device, new Shape(n, size, size, channels), Type, 1, dual: IsDual);
        long count = x.Tensor.Shape.Count;
        var program = new ComputeProgram(device) { Tape = Direction == Suite.Direction.Backward ? new Tape() : null, Checked = true };
        if (program.Tape is not { } tape)
        {
            Tensor y = Same(program, x.Tensor);
            int step = program.Steps.Count;
            Clamp.InPlace(program, y, Bound);
            return new RecordedKernel(program, step, [y], () => Math.Max(
                new SampledError().Add(y.Primal, Places(count), i => Math.Clamp(x[i], -Bound, Bound)).Relative,
                IsDual ? new SampledError().Add(y.Tangent, Places(count), i => IsWithin(x[i]) ? x[count + i] : 0).Relative : 0), x);
        }

        // The gradient that is clamped must be one that an op left, not the given one, and its step the last.
        x.Differentiate(tape);
        Clamp.InPlace(program, x.Tensor, Bound);
        Tensor z = Same(program, x.Tensor);
        var dz = new Operand(device, z.Shape, Type, 2);
        tape.Seed(z, dz.Tensor);
        tape.Backward();
        Tensor dx = tape.Cotangent(x.Tensor);
        return new RecordedKernel(
            program, program.Steps.Count - 1, [dx], () => new SampledError().Add(dx, Places(count), i => IsWithin(x[i]) ? dz[i] : 0).Relative, x, dz);
    }

    private static Tensor Same(ComputeProgram program, Tensor x) => ScaledAdd.Apply(program, x, x, 0.5f);

    private static IEnumerable<long> Places(long count) => SampledError.Places(count, Samples);

    private static bool IsWithin(double value) => Math.Abs(value) < Bound;
}

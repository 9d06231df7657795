using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="JoinedSilu"/> of a decoder's activations and the encoder's skip, balanced as in an EDM2 block, or of one operand.</summary>
/// <param name="n">Images.</param>
/// <param name="size">Height and width.</param>
/// <param name="a">Channels of the first operand.</param>
/// <param name="b">Channels of the second operand; 0 for none.</param>
/// <param name="type">Storage type.</param>
/// <param name="direction">One of <see cref="MapCase.Directions"/>.</param>
internal sealed class JoinedSiluCase(int n, int size, int a, int b, DType type, string direction)
    : KernelCase("joined-silu", direction, $"n{n} c{a}{(b > 0 ? $"+{b}" : "")} {size}x{size}", type)
{
    private const int Samples = 512;
    private const float Gain = 1 / 0.596f;

    public static readonly CaseFamily Kind = new(
        "joined-silu", "n IMAGES c CHANNELS+SKIP SIZExSIZE, without the blanks behind n and c, and without +SKIP for one operand: n128 c384+192 64x64",
        @"n(?<n>\d+) c(?<a>\d+)(\+(?<b>\d+))? (?<size>\d+)x\k<size>", MapCase.Directions,
        (s, direction, type) => new JoinedSiluCase(s["n"], s["size"], s["a"], s.Word("b").Length > 0 ? s["b"] : 0, type, direction))
    {
        Shapes = scope => scope.Shapes(["n2 c12+8 4x4", "n2 c12 4x4"], ["n16 c64+32 16x16"], layers => layers.JoinedSilus),
    };

    private readonly JoinFactors factors = b > 0 ? JoinFactors.Balanced(Gain, a, b) : new JoinFactors(Gain, 1, 1);

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Forward moves the operands and y, each with a tangent if dual; backward moves the operands, dy and the operands' gradients.</summary>
    public override double Bytes => Stored((double)n * size * size * Joined * (IsBackward ? 3 : IsDual ? 4 : 2));

    private int Joined => a + b;

    private bool IsBackward => Direction == Suite.Direction.Backward;

    private bool IsDual => Direction == Suite.Direction.Tangent;

    public override RecordedKernel Record(ComputeDevice device)
    {
        Part[] parts = [new(Create(a, 1), a, 0, factors.A), .. b > 0 ? (Part[])[new(Create(b, 2), b, a, factors.B)] : []];
        var program = new ComputeProgram(device) { Tape = IsBackward ? new Tape() : null, Checked = true };
        foreach (Part part in parts)
            if (program.Tape is { } watching)
                part.Operand.Differentiate(watching);
        Tensor y = JoinedSilu.Apply(program, parts[0].Operand.Tensor, b > 0 ? parts[1].Operand.Tensor : null, factors);
        IDisposable[] operands = [.. parts.Select(part => part.Operand)];
        if (program.Tape is not { } tape)
            return new RecordedKernel(program, 0, [y], () => ForwardError(parts, y), operands);

        int first = program.Steps.Count;
        var dy = new Operand(device, y.Shape, Type, 3);
        tape.Seed(y, dy.Tensor);
        tape.Backward();
        Tensor[] gradients = [.. parts.Select(part => tape.Cotangent(part.Operand.Tensor))];
        return new RecordedKernel(program, first, gradients, () => parts.Zip(gradients).Max(each => Error(each.First, each.Second, dy)), [.. operands, dy]);

        Operand Create(int channels, int number) => new(device, new Shape(n, size, size, channels), Type, number, dual: IsDual);
    }

    private double ForwardError(Part[] parts, Tensor y)
    {
        double primal = new SampledError().Add(y.Primal, Places(y), i => Find(i) is var (part, at) ? Value(part.Factor * part.Operand[at]) : 0).Relative;
        if (!IsDual)
            return primal;
        double tangent = new SampledError().Add(y.Tangent, Places(y), i => Find(i) is var (part, at) ? Slope(part.Factor * part.Operand[at]) * part.Factor * part.Operand[part.Operand.Tensor.Shape.Count + at] : 0).Relative;
        return double.IsNaN(primal + tangent) ? double.NaN : Math.Max(primal, tangent);

        // The operand that a place of y comes from, and the place in it.
        (Part Part, long At) Find(long i)
        {
            Part part = parts.Last(each => i % Joined >= each.Start);
            return (part, i / Joined * part.Channels + i % Joined - part.Start);
        }
    }

    /// <summary>Error of an operand's gradient; infinite if an element is NaN, which no maximum keeps.</summary>
    private double Error(Part part, Tensor gradient, Operand dy)
    {
        double error = new SampledError().Add(
            gradient, Places(gradient),
            i => part.Factor * Slope(part.Factor * part.Operand[i]) * dy[i / part.Channels * Joined + part.Start + i % part.Channels]).Relative;
        return double.IsNaN(error) ? double.PositiveInfinity : error;
    }

    private static IEnumerable<long> Places(Tensor tensor) => SampledError.Places(tensor.Shape.Count, Samples);

    private static double Value(double s) => Gain * s * Sigmoid(s);

    private static double Slope(double s) => Gain * Sigmoid(s) * (1 + s * (1 - Sigmoid(s)));

    private static double Sigmoid(double s) => 1 / (1 + Math.Exp(-s));

    /// <summary>An operand: its channels, the first of y's that it becomes, and its factor.</summary>
    private sealed record Part(Operand Operand, int Channels, int Start, float Factor);
}

using System.Diagnostics.CodeAnalysis;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="ScaledAdd"/>, <see cref="Silu"/> (in fp32 only) and <see cref="Cast"/> from fp32 to bf16 or back.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The recorded kernel releases the second operand.")]
internal sealed class ElementwiseCase(string op, int n, int size, int channels, DType type, string direction)
    : MapCase("elementwise", direction, $"{op} n{n} c{channels} {size}x{size}", op == SiluOp ? DType.Float32 : type)
{
    private const string ResidualOp = "residual", SiluOp = "silu", CastOp = "cast";
    private static readonly float HalfRoot = MathF.Sqrt(0.5f);
    private Operand? second;

    public static readonly CaseFamily Kind = new(
        "elementwise", "OP n IMAGES c CHANNELS SIZExSIZE, OP one of residual, silu, cast: residual n256 c256 32x32",
        @"(?<op>residual|silu|cast) n(?<n>\d+) c(?<c>\d+) (?<size>\d+)x\k<size>", Directions,
        (s, direction, type) => new ElementwiseCase(s.Word("op"), s["n"], s["size"], s["c"], type, direction))
    {
        Shapes = scope => scope.Shapes(["n2 c12 4x4"], ["n32 c64 16x16"], layers => layers.Norms.Take(1)).SelectMany(images => new[] { ResidualOp, SiluOp, CastOp }.Select(name => $"{name} {images}")),
    };

    /// <summary>A residual moves a, b and y, backward dy, da and db; SiLU moves x and y, backward x, dy and dx; a cast moves x and y, or dy and dx.</summary>
    public override double Bytes => Input.Count * (double)(IsDual ? 2 : 1) * op switch
    {
        ResidualOp => 3 * Type.SizeInBytes(),
        SiluOp => (IsBackward ? 3 : 2) * sizeof(float),
        _ => InputType.SizeInBytes() + OutputType.SizeInBytes(),
    };

    protected override Shape Input => new(n, size, size, channels);

    /// <summary>A cast converts to the storage type from the other one.</summary>
    protected override DType InputType => op != CastOp ? Type : Type == DType.BFloat16 ? DType.Float32 : DType.BFloat16;

    private DType OutputType => Type;

    protected override Tensor Apply(ComputeProgram program, Tensor x)
    {
        if (op == SiluOp)
            return Silu.Apply(program, x);
        if (op == CastOp)
            return Cast.Apply(program, x, OutputType);
        second = new Operand(program.Device, Input, Type, 3, dual: IsDual);
        if (program.Tape is { } tape)
            second.Differentiate(tape);
        return ScaledAdd.Apply(program, x, second.Tensor, HalfRoot);
    }

    protected override double Value(Operand x, long i) => op switch
    {
        ResidualOp => HalfRoot * (x[i] + second![i]),
        SiluOp => x[i] * Logistic(x[i]),
        _ => x[i],
    };

    protected override double Tangent(Operand x, long count, long i) => op switch
    {
        ResidualOp => HalfRoot * (x[count + i] + second![count + i]),
        SiluOp => Slope(x[i]) * x[count + i],
        _ => x[count + i],
    };

    protected override double Gradient(Operand x, Operand dy, long i) => op switch
    {
        ResidualOp => HalfRoot * dy[i],
        SiluOp => Slope(x[i]) * dy[i],
        _ => dy[i],
    };

    protected override IEnumerable<IDisposable> Others() => second is null ? [] : [second];

    private static double Logistic(double x) => 1 / (1 + Math.Exp(-x));

    private static double Slope(double x) => Logistic(x) * (1 + x * (1 - Logistic(x)));
}

using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="PixelNorm"/> of rows in fp32, which limits the scales and shifts of adaptive norms.</summary>
internal sealed class PixelNormCase(int rows, int channels, string direction) : MapCase("pixelnorm", direction, $"{rows}x{channels}", DType.Float32)
{
    private const double Epsilon = 1e-8f;

    public static readonly CaseFamily Kind = new(
        "pixelnorm", "ROWSxCHANNELS", @"(?<rows>\d+)x(?<c>\d+)", Directions, (s, direction, _) => new PixelNormCase(s["rows"], s["c"], direction))
    {
        Shapes = scope => scope.Shapes(["6x20"], ["4096x256"], layers => layers.Parameters is null ? [] : [$"{64 * scope.Batch}x256"]),
    };

    /// <summary>Forward moves x and y, each with a tangent if dual; backward moves x, dy and dx.</summary>
    public override double Bytes => sizeof(float) * (double)rows * channels * (IsDual ? 4 : IsBackward ? 3 : 2);

    protected override Shape Input => new(rows, channels);

    protected override Tensor Apply(ComputeProgram program, Tensor x) => PixelNorm.Apply(program, x);

    protected override double Value(Operand x, long i) => Scale(x, i) * x[i];

    protected override double Tangent(Operand x, long count, long i)
    {
        double r = Scale(x, i), product = Row(i).Average(j => r * x[j] * x[count + j]);
        return r * (x[count + i] - r * x[i] * product);
    }

    protected override double Gradient(Operand x, Operand dy, long i)
    {
        double r = Scale(x, i), product = Row(i).Average(j => r * x[j] * dy[j]);
        return r * (dy[i] - r * x[i] * product);
    }

    private double Scale(Operand x, long i) => 1 / Math.Sqrt(Row(i).Average(j => x[j] * x[j]) + Epsilon);

    private IEnumerable<long> Row(long i) => Enumerable.Range(0, channels).Select(c => i / channels * channels + c);
}

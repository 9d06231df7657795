using System.Globalization;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="WeightNorm"/> over all weights of a network: what makes the compute weights after an optimizer's step, and the gradients before it.</summary>
/// <param name="rows">Rows and columns of each weight.</param>
/// <param name="direction">One of <see cref="Directions"/>.</param>
/// <param name="type">Type of the compute weights.</param>
internal sealed class WeightNormCase(IReadOnlyList<(int Rows, int Columns)> rows, string direction, DType type)
    : KernelCase("weight-norm", direction, string.Join('+', rows.Select(each => $"{each.Rows}x{each.Columns}")), direction == Suite.Direction.Backward ? DType.Float32 : type)
{
    private const int Samples = 256;
    private const double Epsilon = 1e-4;
    private const string Make = "make", Force = "force";

    private static readonly string[] Directions = [Make, Force, Suite.Direction.Backward];

    public static readonly CaseFamily Kind = new(
        "weight-norm", "ROWSxCOLUMNS, or several joined by +", @"(?<weights>\d+x\d+(\+\d+x\d+)*)", Directions, (s, direction, type) => new WeightNormCase(Read(s.Word("weights")), direction, type))
    {
        Shapes = scope => scope.Shapes(["3x24+2x45+5x129"], ["96x768+64x3456"], layers => layers.Weights),
    };

    private readonly long count = rows.Sum(each => (long)each.Rows * each.Columns) is < int.MaxValue and var values
        ? values
        : throw new ArgumentException("the weights have 2^31 values or more");

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>A weight is read, its compute weight written, and itself written too if it is forced; backward reads it, and reads and writes its gradient.</summary>
    public override double Bytes => count * (double)(Direction switch
    {
        Make => sizeof(float) + Type.SizeInBytes(),
        Force => 2 * sizeof(float) + Type.SizeInBytes(),
        _ => 3 * sizeof(float),
    });

    public override RecordedKernel Record(ComputeDevice device)
    {
        var shape = new Shape((int)count);
        Operand values = new(device, shape, DType.Float32, 1), gradients = new(device, Direction == Suite.Direction.Backward ? shape : new Shape(1), DType.Float32, 2);
        Tensor compute = device.CreateTensor(Direction == Suite.Direction.Backward ? new Shape(1) : shape, Type);
        WeightNormPart[] parts = [.. Parts()];
        var program = new ComputeProgram(device) { Checked = true };
        if (Direction == Suite.Direction.Backward)
            WeightNorm.Backward(program, values.Tensor, gradients.Tensor, parts);
        else
            WeightNorm.Make(program, values.Tensor, compute, parts, Direction == Force);
        return new RecordedKernel(
            program, 0, [], () => Direction == Suite.Direction.Backward ? Error(gradients.Tensor, i => Gradient(values, gradients, parts, i)) : Error(compute, i => Value(values, parts, i)),
            values, gradients, compute);
    }

    private double Error(Tensor actual, Func<long, double> reference) => new SampledError().Add(actual, SampledError.Places(count, Samples), reference).Relative;

    /// <summary>The compute weight. Forcing multiplies it by n / (n + epsilon) once more before, which is 1 to 1e-4 and then to 1e-8.</summary>
    private double Value(Operand values, WeightNormPart[] parts, long i)
    {
        double n = Norm(values, RowOf(parts, i)), scale = 1 / (n + Epsilon);
        return Direction == Force ? values[i] * scale / (n * scale + Epsilon) : values[i] * scale;
    }

    private static double Gradient(Operand values, Operand gradients, WeightNormPart[] parts, long i)
    {
        (long start, int columns) = RowOf(parts, i);
        double n = Norm(values, (start, columns)), along = 0;
        for (long j = start; j < start + columns; j++)
            along += values[j] * gradients[j];
        return (gradients[i] - values[i] * along / (columns * n * (n + Epsilon))) / (n + Epsilon);
    }

    private static double Norm(Operand values, (long Start, int Columns) row)
    {
        double sum = 0;
        for (long j = row.Start; j < row.Start + row.Columns; j++)
            sum += values[j] * values[j];
        return Math.Sqrt(sum / row.Columns);
    }

    private static (long Start, int Columns) RowOf(WeightNormPart[] parts, long i)
    {
        WeightNormPart part = parts.Last(each => each.Start <= i);
        return (i - (i - part.Start) % part.Columns, part.Columns);
    }

    private IEnumerable<WeightNormPart> Parts()
    {
        int start = 0;
        foreach ((int count, int columns) in rows)
        {
            yield return new WeightNormPart(start, count, columns);
            start += count * columns;
        }
    }

    private static (int Rows, int Columns)[] Read(string weights) =>
        [.. weights.Split('+').Select(weight => weight.Split('x')).Select(extents => (Number(extents[0]), Number(extents[1])))];

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 ? number : throw new ArgumentException($"{text} is not from 1 to 2^31");
}

using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>
/// <see cref="MagnitudeNorm"/>: of a pixel's channels, with the activation in the same pass, as at the start of an EDM2 block; or of runs of channels, as before
/// its attention.
/// </summary>
/// <param name="n">Images.</param>
/// <param name="size">Height and width.</param>
/// <param name="channels">Channels.</param>
/// <param name="run">Channels that are normalised together; 0 for all of them, with the activation.</param>
/// <param name="type">Storage type.</param>
/// <param name="direction">One of <see cref="MapCase.Directions"/>.</param>
internal sealed class MagnitudeNormCase(int n, int size, int channels, int run, DType type, string direction)
    : KernelCase("magnitudenorm", direction, $"n{n} c{channels} {size}x{size}" + (run > 0 ? $" r{run}" : ""), type)
{
    private const int Samples = 256;
    private const double Epsilon = 1e-4f; // the op's default, rounded to fp32 as the op's is
    private const float Gain = 1 / 0.596f;

    public static readonly CaseFamily Kind = new(
        "magnitudenorm", "n IMAGES c CHANNELS SIZExSIZE r RUN, without the blanks behind n, c and r: n128 c1728 16x16 r64, or n128 c192 64x64 with activation",
        @"n(?<n>\d+) c(?<c>\d+) (?<size>\d+)x\k<size>( r(?<r>\d+))?", MapCase.Directions,
        (s, direction, type) => new MagnitudeNormCase(s["n"], s["size"], s["c"], RunOf(s), type, direction))
    {
        Shapes = scope => scope.Shapes(["n2 c12 4x4", "n2 c24 4x4 r8"], ["n16 c64 16x16", "n16 c192 16x16 r32"], layers => layers.MagnitudeNorms),
    };

    private readonly int width = run > 0 ? run : channels;

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Forward moves x, y and the activation, each with a tangent if dual; backward moves x, the cotangents and dx.</summary>
    public override double Bytes => Stored((double)n * size * size * channels * (IsBackward ? 2 + Outputs : (1 + Outputs) * (IsDual ? 2 : 1)));

    private int Outputs => run > 0 ? 1 : 2;

    private bool IsBackward => Direction == Suite.Direction.Backward;

    private bool IsDual => Direction == Suite.Direction.Tangent;

    public override RecordedKernel Record(ComputeDevice device)
    {
        var x = new Operand(device, new Shape(n, size, size, channels), Type, 1, dual: IsDual);
        var program = new ComputeProgram(device) { Tape = IsBackward ? new Tape() : null, Checked = true };
        if (program.Tape is not { } tape)
        {
            Tensor[] outputs = Apply(program, x.Tensor);
            return new RecordedKernel(program, 0, outputs, () => ForwardError(x, outputs), x);
        }

        x.Differentiate(tape);
        Tensor[] results = Apply(program, x.Tensor);
        int first = program.Steps.Count;
        Operand[] cotangents = [.. results.Select((result, i) => new Operand(device, result.Shape, Type, 2 + i))];
        foreach ((Tensor result, Operand cotangent) in results.Zip(cotangents))
            tape.Seed(result, cotangent.Tensor);
        tape.Backward();
        Tensor dx = tape.Cotangent(x.Tensor);
        return new RecordedKernel(
            program, first, [dx], () => new SampledError().Add(dx, SampledError.Places(dx.Count, Samples), i => Gradient(x, cotangents, i)).Relative, [x, .. cotangents]);
    }

    private static int RunOf(ShapeWords shape)
    {
        if (shape.Word("r").Length == 0)
            return 0;
        return shape["c"] % shape["r"] == 0 ? shape["r"] : throw new ArgumentException($"runs of {shape["r"]} do not divide {shape["c"]} channels");
    }

    private Tensor[] Apply(ComputeProgram program, Tensor x)
    {
        if (run > 0)
            return [MagnitudeNorm.Apply(program, x, run)];
        (Tensor y, Tensor activated) = MagnitudeNorm.WithSilu(program, x, Gain);
        return [y, activated];
    }

    private double ForwardError(Operand x, Tensor[] outputs)
    {
        long count = x.Tensor.Shape.Count;
        double worst = 0;
        foreach ((int index, Tensor output) in outputs.Index())
        {
            bool activated = index > 0;
            IEnumerable<long> places = SampledError.Places(count, Samples);
            double primal = new SampledError().Add(output.Primal, places, i => Value(x, i) is var y && activated ? Gain * y * Sigmoid(y) : y).Relative;
            double tangent = !IsDual ? 0 : new SampledError().Add(output.Tangent, places, i => (activated ? Slope(Value(x, i)) : 1) * Derivative(x, i, j => x[count + j])).Relative;
            worst = double.IsNaN(primal + tangent) ? double.PositiveInfinity : Math.Max(worst, Math.Max(primal, tangent));
        }

        return worst;
    }

    /// <summary>The Jacobian of the norm is symmetric: what comes back is its derivative along the cotangents of y.</summary>
    private double Gradient(Operand x, Operand[] cotangents, long i) =>
        Derivative(x, i, j => cotangents[0][j] + (cotangents.Length > 1 ? Slope(Value(x, j)) * cotangents[1][j] : 0));

    private double Value(Operand x, long i) => x[i] / (Root(x, i) + Epsilon);

    /// <summary>Derivative of element i of N(x) along a vector.</summary>
    private double Derivative(Operand x, long i, Func<long, double> along)
    {
        double root = Root(x, i), r = 1 / (root + Epsilon);
        return r * along(i) - x[i] * r * r * Run(i).Average(j => x[j] * along(j)) / root;
    }

    private double Root(Operand x, long i) => Math.Sqrt(Run(i).Average(j => x[j] * x[j]));

    private IEnumerable<long> Run(long i) => Enumerable.Range(0, width).Select(c => i / width * width + c);

    private static double Sigmoid(double y) => 1 / (1 + Math.Exp(-y));

    private static double Slope(double y) => Gain * Sigmoid(y) * (1 + y * (1 - Sigmoid(y)));
}

using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="ModulatedNorm"/> with scale and shift, what lies between the convolutions of an EDM2 block: forward, forward with tangent in one pass, or backward.</summary>
internal sealed class ModulatedNormCase(int n, int size, int channels, DType type, string direction)
    : KernelCase("modulatednorm", direction, $"n{n} c{channels} {size}x{size}", type)
{
    private const int SampledPixels = 32;
    private const double Gain = 1 / 0.596f, Epsilon = 1e-4f; // as the op has them, rounded to fp32
    private static readonly ModulatedNormOptions Options = new(Gain: 1 / 0.596f);

    public static readonly CaseFamily Kind = new(
        "modulatednorm", "n IMAGES c CHANNELS SIZExSIZE, without the blanks: n128 c192 64x64", @"n(?<n>\d+) c(?<c>\d+) (?<size>\d+)x\k<size>",
        MapCase.Directions, (s, direction, type) => new ModulatedNormCase(s["n"], s["size"], s["c"], type, direction))
    {
        Shapes = scope => scope.Shapes(["n2 c12 4x4"], ["n16 c64 16x16"], layers => layers.ModulatedNorms),
    };

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Forward moves x and y, each with a tangent if dual; backward moves x, dy and dx. The modulation is a thousandth of these.</summary>
    public override double Bytes => Stored((double)n * size * size * channels * (IsDual ? 4 : IsBackward ? 3 : 2));

    private bool IsBackward => Direction == Suite.Direction.Backward;

    private bool IsDual => Direction == Suite.Direction.Tangent;

    private long Pixels => (long)size * size;

    public override RecordedKernel Record(ComputeDevice device)
    {
        var x = new Operand(device, new Shape(n, size, size, channels), Type, 1, dual: IsDual);
        var modulation = new Operand(device, new Shape(n, 2 * channels), DType.Float32, 2, dual: IsDual);
        var program = new ComputeProgram(device) { Tape = IsBackward ? new Tape() : null, Checked = true };
        if (program.Tape is not { } tape)
        {
            Tensor y = ModulatedNorm.Apply(program, x.Tensor, modulation.Tensor, Options);
            return new RecordedKernel(program, 0, [y], () => ForwardError(x, modulation, y), x, modulation);
        }

        x.Differentiate(tape);
        modulation.Differentiate(tape);
        Tensor output = ModulatedNorm.Apply(program, x.Tensor, modulation.Tensor, Options);
        int first = program.Steps.Count;
        var dy = new Operand(device, output.Shape, Type, 3);
        tape.Seed(output, dy.Tensor);
        tape.Backward();
        (Tensor dx, Tensor dModulation) = (tape.Cotangent(x.Tensor), tape.Cotangent(modulation.Tensor));
        return new RecordedKernel(program, first, [dx, dModulation], () => BackwardError(x, modulation, dy, dx, dModulation), x, modulation, dy);
    }

    private double ForwardError(Operand x, Operand modulation, Tensor y)
    {
        SampledError primal = new(), tangent = new();
        foreach (long pixel in SampledError.Places(n * Pixels, SampledPixels))
        {
            long start = pixel * channels;
            (double[] z, double root) = Normalise(x, start);
            double product = IsDual ? Enumerable.Range(0, channels).Average(c => x[start + c] * x[x.Tensor.Shape.Count + start + c]) : 0, r = 1 / (root + Epsilon);
            for (int c = 0; c < channels; c++)
            {
                (long scale, long shift) = Places(pixel, c);
                double u = z[c] * modulation[scale] + modulation[shift];
                primal.Add(y.Primal, start + c, [Gain * u * Sigmoid(u)]);
                if (!IsDual)
                    continue;
                long tangents = modulation.Tensor.Shape.Count;
                double tz = r * x[x.Tensor.Shape.Count + start + c] - x[start + c] * r * r * product / root;
                tangent.Add(y.Tangent, start + c, [Slope(u) * (tz * modulation[scale] + z[c] * modulation[tangents + scale] + modulation[tangents + shift])]);
            }
        }

        return IsDual ? Math.Max(primal.Relative, tangent.Relative) : primal.Relative;
    }

    /// <summary>Returns the greater error of dx at sampled pixels and of the gradients of the last image's modulation.</summary>
    private double BackwardError(Operand x, Operand modulation, Operand dy, Tensor dx, Tensor dModulation)
    {
        SampledError images = new(), modulations = new();
        foreach (long pixel in SampledError.Places(n * Pixels, SampledPixels))
        {
            long start = pixel * channels;
            (double[] z, double root) = Normalise(x, start);
            double[] dz = [.. Enumerable.Range(0, channels).Select(c => modulation[Places(pixel, c).Scale] * Du(pixel, c, z[c]))];
            double product = Enumerable.Range(0, channels).Average(c => x[start + c] * dz[c]), r = 1 / (root + Epsilon);
            images.Add(dx, start, [.. dz.Select((each, c) => r * each - x[start + c] * r * r * product / root)]);
        }

        double[] scales = new double[channels], shifts = new double[channels];
        for (long pixel = (n - 1) * Pixels; pixel < n * Pixels; pixel++)
        {
            double[] z = Normalise(x, pixel * channels).Normalised;
            for (int c = 0; c < channels; c++)
            {
                double du = Du(pixel, c, z[c]);
                (scales[c], shifts[c]) = (scales[c] + z[c] * du, shifts[c] + du);
            }
        }

        modulations.Add(dModulation, 2L * (n - 1) * channels, [.. scales, .. shifts]);
        return double.IsNaN(modulations.Relative) ? double.PositiveInfinity : Math.Max(images.Relative, modulations.Relative);

        double Du(long pixel, int c, double z)
        {
            (long scale, long shift) = Places(pixel, c);
            return Slope(z * modulation[scale] + modulation[shift]) * dy[pixel * channels + c];
        }
    }

    private (double[] Normalised, double Root) Normalise(Operand x, long start)
    {
        double root = Math.Sqrt(Enumerable.Range(0, channels).Average(c => x[start + c] * x[start + c]));
        return ([.. Enumerable.Range(0, channels).Select(c => x[start + c] / (root + Epsilon))], root);
    }

    private (long Scale, long Shift) Places(long pixel, int c) => pixel / Pixels * 2 * channels + c is var scale ? (scale, scale + channels) : default;

    private static double Sigmoid(double u) => 1 / (1 + Math.Exp(-u));

    private static double Slope(double u) => Gain * Sigmoid(u) * (1 + u * (1 - Sigmoid(u)));
}

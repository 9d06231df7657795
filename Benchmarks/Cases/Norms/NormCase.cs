using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="GroupNorm"/>, alone or with fused modulation and SiLU as in diffusion networks: forward, forward with tangent in one pass, or backward.</summary>
internal sealed class NormCase(int n, int size, int channels, DType type, string direction, bool fused = true)
    : KernelCase(fused ? "norm" : "groupnorm", direction, $"n{n} c{channels} {size}x{size}", type)
{
    private const int SampledGroups = 6;

    public static readonly CaseFamily Kind = new(
        "norm", "n IMAGES c CHANNELS SIZExSIZE, without the blanks: n256 c128 32x32", @"n(?<n>\d+) c(?<c>\d+) (?<size>\d+)x\k<size>",
        [Suite.Direction.Forward, Suite.Direction.Tangent, Suite.Direction.Backward], (s, direction, type) => new NormCase(s["n"], s["size"], s["c"], type, direction))
    {
        Shapes = scope => scope.Shapes(["n2 c12 4x4"], ["n16 c64 16x16"], layers => layers.Norms),
    };

    /// <summary>The norm without modulation and SiLU.</summary>
    public static readonly CaseFamily Plain = Kind with
    {
        Name = "groupnorm",
        Create = (s, direction, type) => new NormCase(s["n"], s["size"], s["c"], type, direction, fused: false),
        Shapes = scope => scope.Shapes(["n2 c12 4x4"], ["n16 c64 16x16"], layers => layers.Norms.Take(1)),
    };

    private readonly int groups = Math.Min(32, channels / 4);

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Forward moves x and y, each with a tangent if dual; backward moves x, dy and dx. The other tensors are a thousandth of these.</summary>
    public override double Bytes => Stored((double)n * size * size * channels * (IsDual ? 4 : IsBackward ? 3 : 2));

    private bool IsBackward => Direction == Suite.Direction.Backward;

    private bool IsDual => Direction == Suite.Direction.Tangent;

    public override RecordedKernel Record(ComputeDevice device)
    {
        var x = new Operand(device, new Shape(n, size, size, channels), Type, 1, dual: IsDual);
        var modulation = new Operand(device, new Shape(n, 2 * channels), DType.Float32, 2, dual: IsDual);
        Operand weight = new(device, new Shape(channels), DType.Float32, 3), bias = new(device, new Shape(channels), DType.Float32, 4);
        var program = new ComputeProgram(device) { Tape = IsBackward ? new Tape() : null, Checked = true };
        var reference = new NormReference(x, fused ? modulation : null, weight, bias, groups);
        if (program.Tape is not { } tape)
        {
            Tensor y = Apply(program, x, weight, bias, modulation);
            return new RecordedKernel(program, 0, [y], () => ForwardError(reference, y), x, modulation, weight, bias);
        }

        x.Differentiate(tape);
        if (fused)
            modulation.Differentiate(tape);
        Tensor dWeight = device.CreateTensor(weight.Tensor.Shape), dBias = device.CreateTensor(bias.Tensor.Shape);
        tape.Watch(weight.Tensor, dWeight);
        tape.Watch(bias.Tensor, dBias);
        Tensor output = Apply(program, x, weight, bias, modulation);
        int first = program.Steps.Count;
        var cotangent = new Operand(device, output.Shape, Type, 5);
        tape.Seed(output, cotangent.Tensor);
        tape.Backward();
        (Tensor dx, Tensor? dModulation) = (tape.Cotangent(x.Tensor), fused ? tape.Cotangent(modulation.Tensor) : null);
        return new RecordedKernel(
            program, first, dModulation is null ? [dx] : [dx, dModulation], () => BackwardError(reference, cotangent, dx, dModulation, dWeight, dBias),
            x, modulation, weight, bias, cotangent, dWeight, dBias);
    }

    private Tensor Apply(ComputeProgram program, Operand x, Operand weight, Operand bias, Operand modulation) =>
        GroupNorm.Apply(program, x.Tensor, weight.Tensor, bias.Tensor, groups, silu: fused, fused ? modulation.Tensor : null);

    private double ForwardError(NormReference reference, Tensor y)
    {
        SampledError primal = new(), tangent = new();
        foreach (long place in SampledError.Places((long)n * groups, SampledGroups))
        {
            foreach ((long at, double value, double slope) in reference.Forward((int)(place / groups), (int)(place % groups)))
            {
                primal.Add(y.Primal, at, [value]);
                if (IsDual)
                    tangent.Add(y.Tangent, at, [slope]);
            }
        }

        return IsDual ? Math.Max(primal.Relative, tangent.Relative) : primal.Relative;
    }

    /// <summary>Returns the maximum error of the four gradients, which are sums over different numbers of elements.</summary>
    private double BackwardError(NormReference reference, Operand cotangent, Tensor dx, Tensor? dModulation, Tensor dWeight, Tensor dBias)
    {
        SampledError images = new(), modulations = new(), weights = new(), biases = new();
        int last = groups - 1, perGroup = channels / groups;
        double[] weightSums = new double[perGroup], biasSums = new double[perGroup];
        for (int image = 0; image < n; image++)
        {
            NormGradients gradients = reference.Backward(image, last, cotangent);
            for (int c = 0; c < perGroup; c++)
            {
                weightSums[c] += gradients.Weight[c];
                biasSums[c] += gradients.Bias[c];
            }

            if (image != 0 && image != n - 1)
                continue;
            foreach ((long at, double value) in gradients.X)
                images.Add(dx, at, [value]);
            if (dModulation is null)
                continue;
            modulations.Add(dModulation, (2L * image + 0) * channels + (long)last * perGroup, gradients.Scale);
            modulations.Add(dModulation, (2L * image + 1) * channels + (long)last * perGroup, gradients.Shift);
        }

        weights.Add(dWeight, (long)last * perGroup, weightSums);
        biases.Add(dBias, (long)last * perGroup, biasSums);
        SampledError[] all = [images, weights, biases, .. dModulation is null ? (SampledError[])[] : [modulations]];
        return all.Max(error => double.IsNaN(error.Relative) ? double.PositiveInfinity : error.Relative);
    }
}

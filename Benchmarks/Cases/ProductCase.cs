using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>A convolution (<see cref="Conv2d"/>) or a matrix product (<see cref="Linear"/>), which is a 1x1 convolution over rows.</summary>
internal sealed class ProductCase : KernelCase
{
    private const int ShortSums = 512, LongSums = 64; // elements sampled; a sum over all pixels is a thousand times longer than the others
    private static readonly string[] Products = [Suite.Direction.Forward, Suite.Direction.InputGradient, Suite.Direction.WeightGradient];

    public static readonly CaseFamily Matrices = new(
        "gemm", "ROWSxOUTPUTSxINPUTS", @"(?<m>\d+)x(?<n>\d+)x(?<k>\d+)", Products, (s, direction, type) => Gemm(s["m"], s["n"], s["k"], type, direction))
    {
        Shapes = scope => scope.Shapes(["24x16x8", "33x20x12"], ["256x256x256", "500x200x120"], layers => layers.Matrices),
    };

    public static readonly CaseFamily Convolutions = new(
        "conv", "n IMAGES IN->OUT SIZExSIZE k TAPS, without the blanks: n256 128->256 32x32 k3",
        @"n(?<n>\d+) (?<c>\d+)->(?<k>\d+) (?<size>\d+)x\k<size> k(?<r>[13])", Products,
        (s, direction, type) => Conv(s["n"], s["size"], s["c"], s["k"], s["r"], type, direction))
    {
        Shapes = scope => scope.Shapes(
            ["n2 8->16 4x4 k3", "n1 12->4 5x5 k3", "n2 8->12 4x4 k1"], ["n8 32->32 16x16 k3", "n5 48->40 13x13 k3", "n16 64->64 16x16 k1"], layers => layers.Convolutions),
    };

    private readonly Shape x, weight;
    private readonly int taps;

    private ProductCase(string family, string direction, string name, DType type, Shape x, Shape weight)
        : base(family, direction, name, type)
    {
        (this.x, this.weight) = (x, weight);
        taps = weight.Rank == 4 ? weight[1] : 1;
    }

    /// <summary>Two operations for each multiply-add: 2 x pixels x input channels x output channels x taps.</summary>
    public override double Flops => 2.0 * Pixels * weight.Count;

    /// <summary>Input, output and weight are moved once each; the gradient of the weight is fp32.</summary>
    public override double Bytes =>
        Stored(x.Count + Pixels * OutChannels) + (Direction == Suite.Direction.WeightGradient ? sizeof(float) * weight.Count : Stored(weight.Count));

    public override bool UsesTensorCores => true;

    /// <summary>Shape of the input.</summary>
    internal Shape Input => x;

    /// <summary>Number of rows or pixels.</summary>
    internal long Pixels => x.Count / x.C;

    /// <summary>Output channels.</summary>
    internal int OutChannels => weight[0];

    /// <summary>Input channels.</summary>
    internal int InChannels => x.C;

    /// <summary>Taps along one axis: 1 or 3.</summary>
    internal int Taps => taps;

    /// <summary>Shape of the direction's result.</summary>
    internal Shape Result => Direction switch
    {
        Suite.Direction.Forward => Output,
        Suite.Direction.InputGradient => x,
        _ => weight,
    };

    private Shape Output => x.Rank == 4 ? new Shape(x.N, x.H, x.W, OutChannels) : new Shape(x.N, OutChannels);

    /// <summary>Allocates the operands, which are the same for a peer and for <see cref="Record"/>.</summary>
    internal ProductOperands Operands(ComputeDevice device) => new(
        new Operand(device, x, Type, 1), new Operand(device, weight, Type, 2, Operand.ScaleFor(weight.Count / OutChannels)),
        Direction == Suite.Direction.Forward ? null : new Operand(device, Output, Type, 3));

    /// <summary>Returns the relative L2 error of the direction's result.</summary>
    internal double Error(ProductOperands operands, Tensor result) => Direction switch
    {
        Suite.Direction.Forward => Sample(result, ShortSums, i => Forward(operands.Input, operands.Weight, i)),
        Suite.Direction.InputGradient => Sample(result, ShortSums, i => InputGradient(operands.Cotangent!, operands.Weight, i)),
        _ => Sample(result, LongSums, i => WeightGradient(operands.Input, operands.Cotangent!, i)),
    };

    /// <summary>Returns the case y (m, n) = x (m, k) weight (n, k)^T.</summary>
    public static ProductCase Gemm(int m, int n, int k, DType type, string direction) =>
        new("gemm", direction, $"{m}x{n}x{k}", type, new Shape(m, k), new Shape(n, k));

    /// <summary>Returns the convolution of (n, size, size, c) to k channels with r x r taps.</summary>
    public static ProductCase Conv(int n, int size, int c, int k, int r, DType type, string direction) => new(
        "conv", direction, $"n{n} {c}->{k} {size}x{size} k{r}", type, new Shape(n, size, size, c), r == 1 ? new Shape(k, c) : new Shape(k, r, r, c));

    public override RecordedKernel Record(ComputeDevice device)
    {
        ProductOperands operands = Operands(device);
        var program = new ComputeProgram(device) { Tape = operands.Cotangent is null ? null : new Tape(), Checked = true };
        if (program.Tape is not { } tape)
        {
            Tensor y = Apply(program, operands);
            return new RecordedKernel(program, 0, [y], () => Error(operands, y), operands);
        }

        Tensor? dWeight = Direction == Suite.Direction.WeightGradient ? device.CreateTensor(weight) : null;
        if (dWeight is not null)
            tape.Watch(operands.Weight.Tensor, dWeight); // the gradient is added to, in fp32, as in a network
        else
            operands.Input.Differentiate(tape);
        Tensor output = Apply(program, operands);
        int first = program.Steps.Count;
        tape.Seed(output, operands.Cotangent!.Tensor);
        tape.Backward();
        Tensor result = dWeight ?? tape.Cotangent(operands.Input.Tensor);
        return dWeight is null
            ? new RecordedKernel(program, first, [result], () => Error(operands, result), operands)
            : new RecordedKernel(program, first, [], () => Error(operands, result), operands, dWeight);
    }

    private Tensor Apply(ComputeProgram program, ProductOperands operands) => weight.Rank == 4
        ? Conv2d.Apply(program, operands.Input.Tensor, operands.Weight.Tensor)
        : Linear.Apply(program, operands.Input.Tensor, operands.Weight.Tensor);

    private static double Sample(Tensor actual, int samples, Func<long, double> reference) =>
        new SampledError().Add(actual, SampledError.Places(actual.Count, samples), reference).Relative;

    private double Forward(Operand input, Operand weights, long place)
    {
        (long pixel, int k) = (place / OutChannels, (int)(place % OutChannels));
        double sum = 0;
        for (int tap = 0; tap < taps * taps; tap++)
            if (Neighbour(pixel, tap, 1) is { } from)
                for (int c = 0; c < x.C; c++)
                    sum += input[from * x.C + c] * weights[((long)k * taps * taps + tap) * x.C + c];
        return sum;
    }

    private double InputGradient(Operand cotangent, Operand weights, long place)
    {
        (long pixel, int c) = (place / x.C, (int)(place % x.C));
        double sum = 0;
        for (int tap = 0; tap < taps * taps; tap++)
            if (Neighbour(pixel, tap, -1) is { } from)
                for (int k = 0; k < OutChannels; k++)
                    sum += cotangent[from * OutChannels + k] * weights[((long)k * taps * taps + tap) * x.C + c];
        return sum;
    }

    private double WeightGradient(Operand input, Operand cotangent, long place)
    {
        (long row, int c) = (place / x.C, (int)(place % x.C));
        (int k, int tap) = ((int)(row / (taps * taps)), (int)(row % (taps * taps)));
        double sum = 0;
        for (long pixel = 0; pixel < Pixels; pixel++)
            if (Neighbour(pixel, tap, 1) is { } from)
                sum += input[from * x.C + c] * cotangent[pixel * OutChannels + k];
        return sum;
    }

    /// <summary>Returns the pixel that a tap of this one reads if the sign is 1, or the pixel whose tap reads this one if it is -1; null beyond the border.</summary>
    private long? Neighbour(long pixel, int tap, int sign)
    {
        if (taps == 1)
            return pixel;
        int h = (int)(pixel / x.W % x.H) + sign * (tap / taps - taps / 2), w = (int)(pixel % x.W) + sign * (tap % taps - taps / 2);
        return h >= 0 && h < x.H && w >= 0 && w < x.W ? (pixel / ((long)x.H * x.W) * x.H + h) * x.W + w : null;
    }
}

/// <summary>Operands of a product: its input, its weight and, for a gradient, the cotangent of its output.</summary>
internal sealed record ProductOperands(Operand Input, Operand Weight, Operand? Cotangent) : IDisposable
{
    public void Dispose()
    {
        Input.Dispose();
        Weight.Dispose();
        Cotangent?.Dispose();
    }
}

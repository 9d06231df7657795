using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>Convolution, and the matrix product, which is a 1x1 convolution over rows: <see cref="Conv2d"/> and <see cref="Linear"/>.</summary>
internal sealed class ProductCase : KernelCase
{
    private const int ShortSums = 512, LongSums = 64; // samples; a sum over all pixels is a thousand times longer
    private static readonly string[] Products = [Suite.Direction.Forward, Suite.Direction.InputGradient, Suite.Direction.WeightGradient];

    public static readonly CaseFamily Matrices = new(
        "gemm", "ROWSxOUTPUTSxINPUTS", @"(?<m>\d+)x(?<n>\d+)x(?<k>\d+)", Products, (s, direction, type) => Gemm(s["m"], s["n"], s["k"], type, direction))
    {
        Shapes = scope => scope.Shapes(["24x16x8", "33x20x12"], layers => layers.Matrices),
    };

    public static readonly CaseFamily Convolutions = new(
        "conv", "n IMAGES IN->OUT SIZExSIZE k TAPS, without the blanks: n256 128->256 32x32 k3",
        @"n(?<n>\d+) (?<c>\d+)->(?<k>\d+) (?<size>\d+)x\k<size> k(?<r>[13])", Products,
        (s, direction, type) => Conv(s["n"], s["size"], s["c"], s["k"], s["r"], type, direction))
    {
        Shapes = scope => scope.Shapes(["n2 8->16 4x4 k3", "n1 12->4 5x5 k3", "n2 8->12 4x4 k1"], layers => layers.Convolutions),
    };

    private readonly Shape x, weight;
    private readonly int taps;

    private ProductCase(string family, string direction, string name, DType type, Shape x, Shape weight)
        : base(family, direction, name, type)
    {
        (this.x, this.weight) = (x, weight);
        taps = weight.Rank == 4 ? weight[1] : 1;
    }

    /// <summary>Multiply-adds twice: pixels x input channels x output channels x taps.</summary>
    public override double Flops => 2.0 * Pixels * weight.Count;

    /// <summary>Images in, images out and the weight, each once; a weight's gradient is fp32.</summary>
    public override double Bytes =>
        Stored(x.Count + Pixels * OutChannels) + (Direction == Suite.Direction.WeightGradient ? sizeof(float) * weight.Count : Stored(weight.Count));

    public override bool UsesTensorCores => true;

    /// <summary>Images in.</summary>
    internal Shape Input => x;

    /// <summary>Rows or pixels.</summary>
    internal long Pixels => x.Count / x.C;

    /// <summary>Channels out.</summary>
    internal int OutChannels => weight[0];

    /// <summary>Channels in.</summary>
    internal int InChannels => x.C;

    /// <summary>Taps along an axis.</summary>
    internal int Taps => taps;

    /// <summary>Extents of the result of the direction.</summary>
    internal Shape Result => Direction switch
    {
        Suite.Direction.Forward => Output,
        Suite.Direction.InputGradient => x,
        _ => weight,
    };

    private Shape Output => x.Rank == 4 ? new Shape(x.N, x.H, x.W, OutChannels) : new Shape(x.N, OutChannels);

    /// <summary>The same operands as those of <see cref="Record"/>, for a peer.</summary>
    internal ProductOperands Operands(ComputeDevice device) => new(
        new Operand(device, x, Type, 1), new Operand(device, weight, Type, 2, Operand.ScaleFor(weight.Count / OutChannels)),
        Direction == Suite.Direction.Forward ? null : new Operand(device, Output, Type, 3));

    /// <summary>Relative L2 error of a result of the direction.</summary>
    internal double Error(ProductOperands operands, Tensor result) => Direction switch
    {
        Suite.Direction.Forward => Sample(result, ShortSums, i => Forward(operands.Images, operands.Factor, i)),
        Suite.Direction.InputGradient => Sample(result, ShortSums, i => InputGradient(operands.Cotangent!, operands.Factor, i)),
        _ => Sample(result, LongSums, i => WeightGradient(operands.Images, operands.Cotangent!, i)),
    };

    /// <summary>y (m, n) = x (m, k) weight (n, k)^T.</summary>
    public static ProductCase Gemm(int m, int n, int k, DType type, string direction) =>
        new("gemm", direction, $"{m}x{n}x{k}", type, new Shape(m, k), new Shape(n, k));

    /// <summary>A convolution of (n, size, size, c) to k channels with r x r taps.</summary>
    public static ProductCase Conv(int n, int size, int c, int k, int r, DType type, string direction) => new(
        "conv", direction, $"n{n} {c}->{k} {size}x{size} k{r}", type, new Shape(n, size, size, c), r == 1 ? new Shape(k, c) : new Shape(k, r, r, c));

    public override RecordedKernel Record(ComputeDevice device)
    {
        var images = new Operand(device, x, Type, 1);
        var factor = new Operand(device, weight, Type, 2, Operand.ScaleFor(weight.Count / OutChannels));
        Tape? tape = Direction == Suite.Direction.Forward ? null : new Tape();
        var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        return Direction switch
        {
            Suite.Direction.Forward => RecordForward(program, images, factor),
            Suite.Direction.InputGradient => RecordInputGradient(program, images, factor),
            _ => RecordWeightGradient(program, images, factor),
        };
    }

    private RecordedKernel RecordForward(ComputeProgram program, Operand images, Operand factor)
    {
        Tensor y = Apply(program, images, factor);
        return new RecordedKernel(program, 0, [y], () => Sample(y, ShortSums, i => Forward(images, factor, i)), images, factor);
    }

    private RecordedKernel RecordInputGradient(ComputeProgram program, Operand images, Operand factor)
    {
        images.Differentiate(program.Tape!);
        (int first, Operand cotangent) = Backward(program, Apply(program, images, factor));
        Tensor dx = program.Tape!.Cotangent(images.Tensor);
        return new RecordedKernel(
            program, first, [dx], () => Sample(dx, ShortSums, i => InputGradient(cotangent, factor, i)), images, factor, cotangent);
    }

    /// <summary>The gradient of a weight is added to, in fp32, as in a network.</summary>
    private RecordedKernel RecordWeightGradient(ComputeProgram program, Operand images, Operand factor)
    {
        Tensor gradient = program.Device.CreateTensor(weight);
        program.Tape!.Watch(factor.Tensor, gradient);
        (int first, Operand cotangent) = Backward(program, Apply(program, images, factor));
        return new RecordedKernel(
            program, first, [], () => Sample(gradient, LongSums, i => WeightGradient(images, cotangent, i)), images, factor, cotangent, gradient);
    }

    private (int First, Operand Cotangent) Backward(ComputeProgram program, Tensor y)
    {
        int first = program.Steps.Count;
        var cotangent = new Operand(program.Device, y.Shape, Type, 3);
        program.Tape!.Seed(y, cotangent.Tensor);
        program.Tape.Backward();
        return (first, cotangent);
    }

    private Tensor Apply(ComputeProgram program, Operand images, Operand factor) => weight.Rank == 4
        ? Conv2d.Apply(program, images.Tensor, factor.Tensor)
        : Linear.Apply(program, images.Tensor, factor.Tensor);

    private static double Sample(Tensor actual, int samples, Func<long, double> reference) =>
        new SampledError().Add(actual, SampledError.Places(actual.Count, samples), reference).Relative;

    private double Forward(Operand images, Operand factor, long place)
    {
        (long pixel, int k) = (place / OutChannels, (int)(place % OutChannels));
        double sum = 0;
        for (int tap = 0; tap < taps * taps; tap++)
            if (Neighbour(pixel, tap, 1) is { } from)
                for (int c = 0; c < x.C; c++)
                    sum += images[from * x.C + c] * factor[((long)k * taps * taps + tap) * x.C + c];
        return sum;
    }

    private double InputGradient(Operand cotangent, Operand factor, long place)
    {
        (long pixel, int c) = (place / x.C, (int)(place % x.C));
        double sum = 0;
        for (int tap = 0; tap < taps * taps; tap++)
            if (Neighbour(pixel, tap, -1) is { } from)
                for (int k = 0; k < OutChannels; k++)
                    sum += cotangent[from * OutChannels + k] * factor[((long)k * taps * taps + tap) * x.C + c];
        return sum;
    }

    private double WeightGradient(Operand images, Operand cotangent, long place)
    {
        (long row, int c) = (place / x.C, (int)(place % x.C));
        (int k, int tap) = ((int)(row / (taps * taps)), (int)(row % (taps * taps)));
        double sum = 0;
        for (long pixel = 0; pixel < Pixels; pixel++)
            if (Neighbour(pixel, tap, 1) is { } from)
                sum += images[from * x.C + c] * cotangent[pixel * OutChannels + k];
        return sum;
    }

    /// <summary>The pixel that a tap reads from, or, with sign -1, the one whose tap reads this one; null beyond the border.</summary>
    private long? Neighbour(long pixel, int tap, int sign)
    {
        if (taps == 1)
            return pixel;
        int h = (int)(pixel / x.W % x.H) + sign * (tap / taps - taps / 2), w = (int)(pixel % x.W) + sign * (tap % taps - taps / 2);
        return h >= 0 && h < x.H && w >= 0 && w < x.W ? (pixel / ((long)x.H * x.W) * x.H + h) * x.W + w : null;
    }
}

/// <summary>What a product reads: images, weights and, for a gradient, that of its output.</summary>
internal sealed record ProductOperands(Operand Images, Operand Factor, Operand? Cotangent) : IDisposable
{
    public void Dispose()
    {
        Images.Dispose();
        Factor.Dispose();
        Cotangent?.Dispose();
    }
}

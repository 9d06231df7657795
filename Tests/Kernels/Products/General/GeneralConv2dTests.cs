using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class GeneralConv2dTests
{
    private static readonly Window2d Stem = new(7, 7, 2) { Top = 3, Left = 3, Bottom = 2, Right = 2 }, UpperLeft = new(3, 3, 2) { Top = 1, Left = 1 };

    /// <summary>Windows with and without borders, even and odd, one pixel; one image and several; channels in packs and not.</summary>
    private static readonly (Shape X, int Outputs, Window2d Window, Activation Activation, bool Residual)[] Layers =
    [
        (new(2, 5, 4, 3), 5, new Window2d(3, 3, 2), Activation.Relu, false), (new(1, 6, 7, 8), 8, Window2d.Same(5, 5), Activation.None, false),
        (new(1, 4, 6, 8), 3, Window2d.Same(1, 7), Activation.Relu, false), (new(1, 6, 4, 5), 9, Window2d.Same(7, 1), Activation.None, true),
        (new(2, 5, 6, 8), 8, Window2d.Same(3, 3), Activation.Relu, true), (new(1, 6, 5, 3), 4, new Window2d(3, 3), Activation.None, false),
        (new(1, 4, 5, 16), 5, new Window2d(3, 3) { Top = 1, Right = 1 }, Activation.Relu, true), (new(1, 9, 8, 3), 4, Stem, Activation.Relu, false), (new(2, 6, 4, 8), 8, UpperLeft, Activation.Relu, true), (new(1, 4, 5, 3), 2, new Window2d(2, 3, 3), Activation.None, false),
        (new(2, 3, 3, 16), 6, Window2d.Point, Activation.Gelu, false), (new(3, 1, 2, 5), 7, Window2d.Point, Activation.Gelu, true), (new(1, 5, 5, 8), 8, new Window2d(1, 1, 2), Activation.None, false),
    ];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases =>
        from arithmetic in Enum.GetValues<MatrixArithmetic>()
        from row in TestDevices.Cross(arithmetic == MatrixArithmetic.Fp32 ? ["cpu", "simulator", "cuda"] : ["simulator", "cuda"], Layers.Select(layer => Case(layer, arithmetic)))
        select row;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    public static IEnumerable<TheoryDataRow<string, MatrixArithmetic>> Everywhere => TestDevices.Cross(["cpu", "simulator", "cuda"], Enum.GetValues<MatrixArithmetic>());

    /// <summary>Large enough for several work items, and for several lines and images in one.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Agrees_where_the_work_is_shared(string device)
    {
        OpBattery.Check(device, Case((new(2, 61, 37, 16), 48, Window2d.Same(3, 3), Activation.Relu, false), MatrixArithmetic.Fp32));
        OpBattery.Check(device, Case((new(7, 17, 17, 24), 40, Window2d.Same(1, 7), Activation.None, true), MatrixArithmetic.Fp32));
        OpBattery.Check(device, Case((new(40, 5, 5, 64), 72, new Window2d(3, 3, 2), Activation.Relu, false), MatrixArithmetic.Fp32));
        OpBattery.Check(device, Case((new(1, 3, 3, 300), 333, Window2d.Point, Activation.Gelu, false), MatrixArithmetic.Fp32));
    }

    /// <summary>What <see cref="MatrixArithmetic"/> says about errors, on a sum of 512 terms.</summary>
    [Theory]
    [InlineData(MatrixArithmetic.Fp32, 1e-8, 6e-7)]
    [InlineData(MatrixArithmetic.Bf16Times3, 1e-6, 8e-6)]
    [InlineData(MatrixArithmetic.Bf16Times6, 1e-8, 6e-7)]
    public void Products_of_parts_are_as_exact_as_stated(MatrixArithmetic arithmetic, double least, double most)
    {
        GpuDevice device = (GpuDevice)TestDevices.Get("simulator");
        var random = new Random(5);
        float[] x = Uniform(random, 6 * 512), w = Uniform(random, 8 * 512);
        using GeneralWeight weight = GeneralWeight.Create(device, new Shape(8, 1, 1, 512), w, [], Window2d.Point, arithmetic);
        using Tensor rows = device.CreateTensor(new Shape(1, 2, 3, 512), x), result = device.CreateTensor(new Shape(1, 2, 3, 8));
        using var program = new ComputeProgram(device);
        Copy.Into(program, GeneralConv2d.Apply(program, rows, weight), result);
        program.Run();
        double[] expected = WindowReference.Convolve(Wide(x), rows.Shape, Wide(w), null, 8, Window2d.Point);
        Assert.InRange(OpBattery.RelativeError(expected, result.ToArray()), least, most);
    }

    [Theory]
    [MemberData(nameof(Everywhere))]
    public void Pieces_of_a_batch_and_channels_of_a_tensor_fit_together(string name, MatrixArithmetic arithmetic)
    {
        ComputeDevice device = TestDevices.Get(name);
        var random = new Random(9);
        var shape = new Shape(5, 4, 3, 2);
        float[] x = Uniform(random, (int)shape.Count), w = Uniform(random, 3 * 9 * 2), bias = [1, 2, 3], added = Uniform(random, 5 * 12 * 3);
        using GeneralWeight weight = GeneralWeight.Create(device, new Shape(3, 3, 3, 2), w, bias, Window2d.Same(3, 3), arithmetic);
        using Tensor images = device.CreateTensor(shape, x), residual = device.CreateTensor(new Shape(5, 4, 3, 3), added), y = device.CreateTensor(new Shape(5, 4, 3, 6));
        using var program = new ComputeProgram(device);
        var layer = new GeneralConv2d.Layer(images, weight, y, 2, Activation.None, residual);
        GeneralConv2d.Record(program, layer, maxMatrix: 2 * 12 * (arithmetic == MatrixArithmetic.Fp32 ? 18 : arithmetic == MatrixArithmetic.Bf16Times3 ? 24 : 48)); // two images
        program.Run();

        float[] actual = y.ToArray();
        double[] expected = WindowReference.Convolve(Wide(x), shape, Wide(w), Wide(bias), 3, Window2d.Same(3, 3));
        for (int i = 0; i < actual.Length; i++)
            Assert.Equal(i % 6 is 2 or 3 or 4 ? expected[i / 6 * 3 + i % 6 - 2] + added[i / 6 * 3 + i % 6 - 2] : 0, actual[i], arithmetic == MatrixArithmetic.Bf16Times3 ? 1e-4 : 1e-5);
        Assert.Equal(device is GpuDevice ? 3 : 1, program.Steps.Count(step => step.Writes.Any(tensor => tensor.Shape.C == 6)));
    }

    [Fact]
    public void GELU_is_the_exact_one()
    {
        float[] values = [.. Enumerable.Range(-400, 801).Select(i => i / 50f)];
        float[] vectors = [.. values];
        Activations.Apply(vectors, Activation.Gelu);
        for (int i = 0; i < values.Length; i++)
        {
            double expected = 0.5 * values[i] * Erfc(-values[i] / Math.Sqrt(2));
            Assert.Equal(expected, vectors[i], 3e-7 * Math.Max(1, Math.Abs(values[i])));
            Assert.Equal(expected, Activations.Of(values[i], (int)Activation.Gelu), 3e-7 * Math.Max(1, Math.Abs(values[i])));
        }

        double tanh = 0.5 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (1 + 0.044715)));
        Assert.InRange(Math.Abs(Activations.Of(1, (int)Activation.Gelu) - tanh), 1e-4, 1e-3);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor x = cpu.CreateTensor(new Shape(1, 4, 4, 2)), y = cpu.CreateTensor(new Shape(1, 4, 4, 3)), other = cpu.CreateTensor(new Shape(1, 4, 4, 4));
        Window2d same = Window2d.Same(3, 3);
        using GeneralWeight weight = Create(54, [], same), valid = Create(54, [], new Window2d(3, 3));
        using var program = new ComputeProgram(cpu);
        foreach (Action record in (Action[])
        [
            () => GeneralConv2d.Apply(program, other, weight), () => GeneralConv2d.Apply(program, x, weight, residual: other), () => GeneralConv2d.Into(program, x, weight, y, 1),
            () => GeneralConv2d.Into(program, x, valid, y, 0), () => GeneralConv2d.Into(program, x, weight, other, 2), () => GeneralConv2d.Apply(program, Copy.Join(program, x, x), weight),
            () => GeneralConv2d.Apply(program, x.Reshape(16, 2), weight), () => Create(53, [], same), () => Create(54, [1], same), () => Create(54, [], Window2d.Same(1, 9)),
        ])
            Assert.Contains("general-conv2d", Assert.Throws<ArgumentException>(record).Message, StringComparison.Ordinal);

        GeneralWeight Create(int count, float[] bias, Window2d window) => GeneralWeight.Create(cpu, new Shape(3, 3, 3, 2), new float[count], bias, window, MatrixArithmetic.Fp32);
    }

    private static OpCase Case((Shape X, int Outputs, Window2d Window, Activation Activation, bool Residual) layer, MatrixArithmetic arithmetic)
    {
        (Shape shape, int k, Window2d window, Activation activation, bool hasResidual) = layer;
        var random = new Random(11);
        float[] weight = Uniform(random, k * window.Height * window.Width * shape.C), bias = Uniform(random, k);
        var output = new Shape(shape.N, window.OutputHeight(shape), window.OutputWidth(shape), k);
        return new OpCase(
            $"general-conv2d {shape} to {k}, {window.Height}x{window.Width} s{window.Stride} {activation}{(hasResidual ? " residual" : "")}, {arithmetic}", hasResidual ? [shape, output] : [shape],
            (p, x) => GeneralConv2d.Apply(
                p, x[0], GeneralWeight.Create(p.Device, new Shape(k, window.Height, window.Width, shape.C), weight, bias, window, arithmetic), activation, hasResidual ? x[1] : null),
            x => [.. WindowReference.Convolve(x[0], shape, Wide(weight), Wide(bias), k, window).Select((sum, i) => Activate(hasResidual ? sum + x[1][i] : sum, activation))])
        {
            GradientInputs = 0,
            TangentInputs = 0,
            HasTangent = false,
            Tolerance = arithmetic == MatrixArithmetic.Bf16Times3 ? 2e-5 : 1e-6,
        };
    }

    private static double Activate(double x, Activation activation) => activation switch
    {
        Activation.Relu => Math.Max(x, 0),
        Activation.Gelu => 0.5 * x * Erfc(-x / Math.Sqrt(2)),
        _ => x,
    };

    /// <summary>1 - erf(x), from its series for small x and its continued fraction for large.</summary>
    internal static double Erfc(double x)
    {
        if (x < 0)
            return 2 - Erfc(-x);
        if (x < 2.5)
        {
            double term = x, sum = x;
            for (int n = 1; n < 80; n++)
                sum += (term *= -x * x / n) / (2 * n + 1);
            return 1 - 2 / Math.Sqrt(Math.PI) * sum;
        }

        double fraction = 0;
        for (int n = 60; n > 0; n--)
            fraction = n / 2.0 / (x + fraction);
        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (x + fraction);
    }

    private static float[] Uniform(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];

    private static double[] Wide(float[] values) => Array.ConvertAll(values, value => (double)value);
}

using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class GroupNormTests
{
    private static readonly OpCase[] Shapes =
    [
        Case(new Shape(1, 1, 1, 4), 1, silu: true, modulated: true),
        Case(new Shape(1, 5, 3, 4), 2, silu: false, modulated: false),
        Case(new Shape(2, 1, 1, 12), 3, silu: true, modulated: false),
        Case(new Shape(3, 3, 5, 12), 3, silu: false, modulated: true),
        Case(new Shape(1, 7, 2, 36), 9, silu: true, modulated: true),
        Case(new Shape(2, 3, 4, 36), 4, silu: true, modulated: false),
        Case(new Shape(2, 3, 2, 37), 1, silu: true, modulated: true),
        Case(new Shape(33, 1, 3, 10), 5, silu: true, modulated: true), // as many images as the host takes whole
    ];

    private static readonly OpCase[] Partial =
    [
        Named(Case(new Shape(2, 3, 1, 12), 2, silu: true, modulated: true), "only x dual") with { TangentInputs = 1 },
        Named(Case(new Shape(2, 3, 1, 12), 2, silu: true, modulated: true), "weights constant") with { GradientInputs = 2 },
        Named(Case(new Shape(2, 3, 1, 12), 2, silu: false, modulated: true), "modulation and weights constant") with { GradientInputs = 1 },
    ];

    /// <summary>A mean of 3000 deviations, and a first pixel, from which differences are taken, that lies as far off as one can.</summary>
    private static readonly OpCase[] Hard =
    [
        Named(Case(new Shape(2, 5, 3, 12), 3, silu: true, modulated: true), "large mean") with
        {
            Fill = (i, random) => i == 0 ? [.. Normal(random, 360).Select(v => 300f + 0.1f * v)] : null,
        },
        Named(Case(new Shape(1, 8, 8, 4), 1, silu: false, modulated: false), "outlying first pixel") with
        {
            Fill = (i, random) => i == 0 ? [.. Normal(random, 256).Select((v, k) => k == 0 ? 1000f : v)] : null,
            Tolerance = 1e-4,
        },
    ];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases =>
        TestDevices.Cross(["cpu", "simulator", "cuda"], [.. Shapes, .. Partial, .. Hard]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_mean_of_30_with_deviation_0_01_costs_no_digits(string device)
    {
        var shape = new Shape(2, 9, 7, 12);
        float[] x = [.. Normal(new Random(3), (int)shape.Count).Select(v => 30f + 0.01f * v)];
        double[] expected = Reference(shape, 3, false, Widen(x), null, Widen(Ones(12)), new double[12]);
        Assert.InRange(OpBattery.RelativeError(expected, Run(device, shape, 3, x)), 0, 1e-5);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Constant_channels_become_the_bias(string device)
    {
        var shape = new Shape(1, 3, 5, 6);
        Assert.All(Run(device, shape, 2, [.. Enumerable.Repeat(7.3f, (int)shape.Count)]), y => Assert.Equal(0f, y));
    }

    /// <summary>A step whose loss is not finite is skipped, so a value that is not a number must not vanish on its way.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Not_a_number_spreads_over_its_group_and_no_further(string device)
    {
        var shape = new Shape(1, 3, 1, 4);
        float[] x = Normal(new Random(4), (int)shape.Count);
        x[5] = float.NaN;
        float[] y = Run(device, shape, 2, x, silu: true);
        Assert.All(Enumerable.Range(0, y.Length), i => Assert.Equal(i % 4 < 2, float.IsNaN(y[i])));
    }

    /// <summary>Twelve threads share four channels: three lanes, where the simulator's usual four threads give one.</summary>
    [Fact]
    public void Lanes_add_up_when_their_number_is_no_power_of_two()
    {
        var gpu = (GpuDevice)TestDevices.Get("simulator");
        using Tensor x = gpu.CreateTensor(new Shape(1, 5, 1, 4), [.. Enumerable.Range(1, 20).Select(v => (float)(v * v))]);
        using Tensor statistics = gpu.CreateTensor(new Shape(3));
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<Single32>, ArrayView<float>, GroupNorm.Extents, int>(GroupNorm.StatisticsKernel);
        kernel(gpu.Stream, new KernelConfig(1, 12), x.ViewOf<Single32>(), statistics.View, new GroupNorm.Extents(x, 4, null, 1, false, 1e-6f), 1);
        double[] values = Widen(x.ToArray());
        double mean = values.Average(), rho = 1 / Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
        float[] expected = [1f, (float)rho, (float)((1 - mean) * rho)];
        Assert.All(expected.Zip(statistics.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    [Fact]
    public void Misfits_are_refused_by_name()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        Tensor x = device.CreateTensor(new Shape(2, 3, 3, 6)), modulation = device.CreateTensor(new Shape(2, 12));
        Tensor c = device.CreateTensor(new Shape(6)), five = device.CreateTensor(new Shape(5));
        Tensor dual = Copy.Join(program, modulation, device.CreateTensor(modulation.Shape));
        Refused("4 groups do not divide", () => GroupNorm.Apply(program, x, c, c, 4));
        Refused("0 groups", () => GroupNorm.Apply(program, x, c, c, 0));
        Refused("(5)", () => GroupNorm.Apply(program, x, five, c, 3));
        Refused("(5)", () => GroupNorm.Apply(program, x, c, five, 3));
        Refused("(N, H, W, C)", () => GroupNorm.Apply(program, c, c, c, 3));
        Refused("modulation (1, 24)", () => GroupNorm.Apply(program, x, c, c, 3, modulation: modulation.Reshape(1, 24)));
        Refused("carries a tangent", () => GroupNorm.Apply(program, x, c, c, 3, modulation: dual));
        Refused("epsilon", () => GroupNorm.Apply(program, x, c, c, 3, epsilon: 0));
    }

    private static void Refused(string reason, Action action)
    {
        string message = Assert.Throws<ArgumentException>(action).Message;
        Assert.StartsWith("groupnorm: ", message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }

    private static float[] Run(string deviceName, Shape shape, int groups, float[] x, bool silu = false)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using var program = new ComputeProgram(device) { Checked = true };
        Tensor weight = device.CreateTensor(new Shape(shape.C), Ones(shape.C)), bias = device.CreateTensor(new Shape(shape.C));
        Tensor y = GroupNorm.Apply(program, device.CreateTensor(shape, x), weight, bias, groups, silu);
        Tensor kept = device.CreateTensor(shape);
        Copy.Into(program, y, kept);
        program.Run();
        return kept.ToArray();
    }

    private static float[] Ones(int count) => [.. Enumerable.Repeat(1f, count)];

    private static double[] Widen(float[] values) => [.. values.Select(v => (double)v)];

    private static float[] Normal(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ =>
            (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];

    private static OpCase Named(OpCase op, string name) => op with { Name = $"{op.Name}, {name}" };

    private static OpCase Case(Shape shape, int groups, bool silu, bool modulated)
    {
        var channels = new Shape(shape.C);
        Shape[] inputs = modulated ? [shape, new Shape(shape.N, 2 * shape.C), channels, channels] : [shape, channels, channels];
        return new OpCase(
            $"groupnorm {shape} in {groups} groups{(silu ? ", silu" : "")}{(modulated ? ", modulated" : "")}", inputs,
            (p, x) => GroupNorm.Apply(p, x[0], x[^2], x[^1], groups, silu, modulated ? x[1] : null),
            x => Reference(shape, groups, silu, x[0], modulated ? x[1] : null, x[^2], x[^1]))
        {
            TangentInputs = modulated ? 2 : 1,
        };
    }

    private static double[] Reference(
        Shape shape, int groups, bool silu, double[] x, double[]? modulation, double[] weight, double[] bias)
    {
        double[] y = new double[x.Length];
        int channels = shape.C, pixels = shape.H * shape.W, size = channels / groups;
        for (int n = 0; n < shape.N; n++)
        {
            for (int g = 0; g < groups; g++)
            {
                int[] elements = [.. from p in Enumerable.Range(0, pixels)
                                     from c in Enumerable.Range(g * size, size)
                                     select (n * pixels + p) * channels + c];
                double mean = elements.Average(i => x[i]);
                double deviation = Math.Sqrt(elements.Average(i => (x[i] - mean) * (x[i] - mean)) + 1e-6);
                foreach (int i in elements)
                {
                    int c = i % channels;
                    double h = (x[i] - mean) / deviation * weight[c] + bias[c];
                    if (modulation is not null)
                        h = h * modulation[2 * n * channels + c] + modulation[(2 * n + 1) * channels + c]; // scale, then shift
                    y[i] = silu ? h / (1 + Math.Exp(-h)) : h;
                }
            }
        }

        return y;
    }
}

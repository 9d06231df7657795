using System.Reflection;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// GroupNorm over bf16: on the simulator the portable kernels, on a GPU the fast ones where they take the shape. Inputs are
/// rounded to bf16 before the reference sees them; 1e-2 relative L2 is allowed.
/// </summary>
public class GroupNormBf16Tests
{
    private const double Tolerance = 1e-2;

    private static readonly Case[] Small =
    [
        new(new Shape(1, 1, 1, 8), 1, Silu: true, Modulated: true),
        new(new Shape(1, 5, 3, 8), 2, Silu: false, Modulated: false),
        new(new Shape(3, 3, 5, 16), 2, Silu: true, Modulated: true),
        new(new Shape(2, 2, 3, 24), 4, Silu: true, Modulated: false), // groups of 6: a tile is all channels
        new(new Shape(2, 3, 5, 10), 5, Silu: false, Modulated: true), // no multiple of 8
        new(new Shape(2, 3, 2, 37), 1, Silu: true, Modulated: true),
    ];

    private static readonly Case[] Large =
    [
        new(new Shape(2, 9, 7, 48), 4, Silu: true, Modulated: true),
        new(new Shape(33, 4, 4, 40), 5, Silu: true, Modulated: false),
        new(new Shape(2, 32, 32, 128), 32, Silu: true, Modulated: true),
        new(new Shape(1, 32, 32, 256), 32, Silu: true, Modulated: true), // a cluster of eight
        new(new Shape(1, 31, 17, 256), 32, Silu: true, Modulated: true), // whose blocks have unequal shares
        new(new Shape(5, 8, 8, 512), 32, Silu: false, Modulated: false),
        new(new Shape(2, 16, 16, 576), 32, Silu: true, Modulated: true), // nine sectors a tile
        new(new Shape(1, 64, 64, 192), 32, Silu: true, Modulated: true),
    ];

    public static IEnumerable<TheoryDataRow<string, Case>> Cases => [.. TestDevices.Cross(["simulator", "cuda"], Small), .. TestDevices.Cross(["cuda"], Large)];

    public static IEnumerable<TheoryDataRow<string, Case>> GpuCases => TestDevices.Cross(["cuda"], [.. Small, .. Large]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, Case of)
    {
        var data = new Data(of);
        Result plain = Run(device, of, data), dual = Run(device, of, data, tangent: true);
        Near("forward", data.Reference.Y, plain.Y);
        Assert.Equal(plain.Y, dual.Y); // the same bits whether a tangent is carried or not
        Near("tangent", data.Reference.Tangent(Widen(data.Tx), of.Modulated ? Widen(data.TangentOfModulation) : null), dual.Ty!);
        double[][] expected = data.Reference.Gradients(Widen(data.Dy));
        foreach (int i in (int[])(of.Modulated ? [0, 1, 2, 3] : [0, 2, 3]))
        {
            Near($"gradient {i}", expected[i], plain.Gradients[i]);
            Near($"gradient {i} of the dual run", expected[i], dual.Gradients[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Adds_to_gradients_and_repeats_its_bits(string device, Case of)
    {
        var data = new Data(of);
        Result first = Run(device, of, data, tangent: true), second = Run(device, of, data, tangent: true), twice = Run(device, of, data, uses: 2);
        Assert.Equal(first.Y, second.Y);
        Assert.Equal(first.Ty, second.Ty);
        Assert.All(Enumerable.Range(0, 4), i => Assert.Equal(first.Gradients[i], second.Gradients[i]));
        Assert.All(Enumerable.Range(0, 4), i => Near($"gradient {i} added twice", [.. first.Gradients[i].Select(g => 2.0 * g)], twice.Gradients[i]));
    }

    /// <summary>Both round the same fp32 values but for the logistic function, which errs by 5e-4: one element in eight differs, by a unit in the last place.</summary>
    [Theory]
    [MemberData(nameof(GpuCases))]
    public void Fast_and_portable_kernels_agree_to_the_rounding(string device, Case of)
    {
        var data = new Data(of);
        Result fast = Run(device, of, data, tangent: true), portable = Run(device, of, data, tangent: true, portable: true);
        Near("forward", Widen(portable.Y), fast.Y, 5e-3);
        Near("tangent", Widen(portable.Ty!), fast.Ty!, 5e-3);
        Assert.All(Enumerable.Range(0, 4), i => Near($"gradient {i}", Widen(portable.Gradients[i]), fast.Gradients[i], 5e-3));
    }

    /// <summary>The mask comes from <see cref="Dropout"/> over ones; y and dy are taken times it outside of the fused kernels.</summary>
    [Theory]
    [MemberData(nameof(GpuCases))]
    public void Fused_dropout_is_dropout_behind_the_norm(string device, Case of)
    {
        var gpu = (GpuDevice)TestDevices.Get(device);
        if (OnChipTiling.For(of.Shape, of.Groups, gpu.IsHopper, gpu.Multiprocessors) is null)
            return; // not fused, and then dropout itself
        var data = new Data(of);
        Result fused = Run(device, of, data, tangent: true, dropout: true), plain = Run(device, of, data, tangent: true);
        float[] mask = MaskOf(device, of.Shape);
        Assert.True(mask.Length < 100 || mask.Contains(0f));
        Assert.All(Enumerable.Range(0, mask.Length).Where(i => mask[i] == 0), i => Assert.Equal((0f, 0f), (fused.Y[i], fused.Ty![i])));
        Near("forward", [.. plain.Y.Zip(mask, (y, m) => (double)y * m)], fused.Y, 4e-3);
        Near("tangent", [.. plain.Ty!.Zip(mask, (y, m) => (double)y * m)], fused.Ty!, 4e-3);
        data.Dy = [.. data.Dy.Zip(mask, (g, m) => BFloat16.ToSingle(BFloat16.FromSingle(g * m)))];
        Result masked = Run(device, of, data, tangent: true);
        Assert.All(Enumerable.Range(0, 4), i => Near($"gradient {i}", Widen(masked.Gradients[i]), fused.Gradients[i], 1e-5));
    }

    [Fact]
    public void Dropout_that_is_not_fused_follows_the_norm()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device) { Checked = true };
        Tensor x = device.CreateTensor(new Shape(2, 3, 1, 4), [.. Enumerable.Range(0, 24).Select(v => (float)(v * v))]), c = device.CreateTensor(new Shape(4), [1, 2, 3, 4]);
        Tensor both = device.CreateTensor(x.Shape), apart = device.CreateTensor(x.Shape);
        Copy.Into(program, GroupNorm.Apply(program, x, c, c, 2, dropout: Source(device), dropoutRate: 0.4f), both);
        Copy.Into(program, Dropout.Apply(program, GroupNorm.Apply(program, x, c, c, 2), Source(device), 0.4f), apart);
        program.Run();
        Assert.Equal(apart.ToArray(), both.ToArray());
        Assert.Contains(0f, both.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => GroupNorm.Apply(new ComputeProgram(device), x, c, c, 2, dropout: Source(device), dropoutRate: 1));
    }

    [Fact]
    public void The_host_and_a_cotangent_of_another_type_are_refused_by_name()
    {
        Assert.StartsWith("groupnorm: ", Assert.Throws<ArgumentException>(() => Run("cpu", Small[0], new Data(Small[0]))).Message, StringComparison.Ordinal);
        ComputeDevice device = TestDevices.Get("simulator");
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape };
        Tensor x = device.CreateTensor(new Shape(1, 1, 1, 8), DType.BFloat16), c = device.CreateTensor(new Shape(8));
        tape.Watch(x, device.CreateTensor(x.Shape, DType.BFloat16));
        tape.Seed(GroupNorm.Apply(program, x, c, c, 1), device.CreateTensor(x.Shape));
        Assert.StartsWith("groupnorm: the cotangent", Assert.Throws<ArgumentException>(tape.Backward).Message, StringComparison.Ordinal);
    }

    /// <summary>The portable kernels in the form that <see cref="PtxTests"/> does not reach: generic methods.</summary>
    [Theory]
    [InlineData(nameof(GroupNorm.StatisticsKernel))]
    [InlineData(nameof(GroupNorm.OutputKernel))]
    [InlineData(nameof(GroupNorm.BackwardSumsKernel))]
    [InlineData(nameof(GroupNorm.BackwardInputKernel))]
    public void Portable_kernels_compile_for_both_types(string name)
    {
        MethodInfo kernel = typeof(GroupNorm).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!;
        foreach (Type element in (Type[])[typeof(Single32), typeof(BFloat16)])
        {
            string ptx = PtxCompiler.Compile(kernel.MakeGenericMethod(element));
            Assert.Contains(".visible .entry", ptx, StringComparison.Ordinal);
            Assert.DoesNotContain("call", ptx, StringComparison.Ordinal);
            Assert.DoesNotContain(".local", ptx, StringComparison.Ordinal);
        }
    }

    private static Result Run(string deviceName, Case of, Data data, bool tangent = false, int uses = 1, bool portable = false, bool dropout = false)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        Tensor x = Rounded(device, of.Shape, data.X), modulation = device.CreateTensor(new Shape(of.Shape.N, 2 * of.Shape.C), data.Modulation);
        Tensor weight = device.CreateTensor(new Shape(of.Shape.C), data.Weight), bias = device.CreateTensor(new Shape(of.Shape.C), data.Bias);
        Tensor[] gradients = [device.CreateTensor(x.Shape, DType.BFloat16), .. ((Tensor[])[modulation, weight, bias]).Select(p => device.CreateTensor(p.Shape))];
        Tensor input = Copied(program, x, tangent ? Rounded(device, x.Shape, data.Tx) : null, gradients[0]);
        Tensor? scales = of.Modulated
            ? Copied(program, modulation, tangent ? device.CreateTensor(modulation.Shape, data.TangentOfModulation) : null, gradients[1])
            : null;
        tape.Watch(weight, gradients[2]);
        tape.Watch(bias, gradients[3]);
        Tensor y = input, kept = device.CreateTensor(x.Shape, DType.BFloat16), keptTangent = device.CreateTensor(x.Shape, DType.BFloat16);
        for (int use = 0; use < uses; use++)
        {
            y = GroupNorm.Apply(program, input, weight, bias, of.Groups, of.Silu, scales, 1e-6f, dropout ? Source(device) : null, 0.3f, portable);
            tape.Seed(y, Rounded(device, x.Shape, data.Dy));
        }

        Copy.Into(program, y.Primal, kept);
        if (tangent)
            Copy.Into(program, y.Tangent, keptTangent);
        tape.Backward();
        program.Run();
        return new Result(Values(kept), tangent ? Values(keptTangent) : null, [.. gradients.Select(Values)]);
    }

    private static RandomSource Source(ComputeDevice device)
    {
        Tensor counter = device.CreateTensor(new Shape(2), DType.Int32);
        counter.Upload<int>([3, 40]);
        return new RandomSource(77, (RandomPurpose)5, counter);
    }

    private static float[] MaskOf(string deviceName, Shape shape)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using var program = new ComputeProgram(device);
        Tensor ones = device.CreateTensor(shape, [.. Enumerable.Repeat(1f, (int)shape.Count)]), kept = device.CreateTensor(shape);
        Copy.Into(program, Dropout.Apply(program, ones, Source(device), 0.3f), kept);
        program.Run();
        return kept.ToArray();
    }

    /// <summary>A transient copy, whose gradient is overwritten by its first contribution, and copied out at the end.</summary>
    private static Tensor Copied(ComputeProgram program, Tensor x, Tensor? tangent, Tensor gradient)
    {
        Tensor copy = program.Allocate(x.Shape, tangent is not null, x.Type);
        Copy.Into(program, x, copy.Primal);
        if (tangent is not null)
            Copy.Into(program, tangent, copy.Tangent);
        program.Tape!.Watch(x, program.Device.CreateTensor(x.Shape, x.Type));
        program.Tape.Record(copy, [x], () => Copy.Into(program, program.Tape.Cotangent(copy.Primal), gradient));
        return copy;
    }

    private static Tensor Rounded(ComputeDevice device, Shape shape, float[] values)
    {
        Tensor tensor = device.CreateTensor(shape, DType.BFloat16);
        tensor.Upload<BFloat16>([.. values.Select(BFloat16.FromSingle)]);
        return tensor;
    }

    private static float[] Values(Tensor tensor)
    {
        if (tensor.Type == DType.Float32)
            return tensor.ToArray();
        var elements = new BFloat16[tensor.StoredCount];
        tensor.Download(elements.AsSpan());
        return [.. elements.Select(BFloat16.ToSingle)];
    }

    private static void Near(string what, double[] expected, float[] actual, double tolerance = Tolerance)
    {
        double error = OpBattery.RelativeError(expected, actual);
        Assert.True(error <= tolerance, $"{what} is off by {error:E2} relative L2, {tolerance:E2} allowed");
    }

    private static double[] Widen(float[] values) => [.. values.Select(v => (double)v)];

    /// <summary>One application of the op.</summary>
    public sealed record Case(Shape Shape, int Groups, bool Silu, bool Modulated)
    {
        /// <inheritdoc/>
        public override string ToString() => $"{Shape} in {Groups} groups{(Silu ? ", silu" : "")}{(Modulated ? ", modulated" : "")}";
    }

    private sealed record Result(float[] Y, float[]? Ty, float[][] Gradients);

    /// <summary>Random values, rounded if they are stored in bf16.</summary>
    private sealed class Data
    {
        private readonly Random random = new(20241011);

        public Data(Case of)
        {
            int count = (int)of.Shape.Count, channels = of.Shape.C;
            (X, Tx, Dy) = (Normal(count, true), Normal(count, true), Normal(count, true));
            (Modulation, TangentOfModulation) = (Normal(2 * of.Shape.N * channels), Normal(2 * of.Shape.N * channels));
            (Weight, Bias) = (Normal(channels), Normal(channels));
            Reference = new GroupNormReference(
                of.Shape, of.Groups, of.Silu, Widen(X), of.Modulated ? Widen(Modulation) : null, Widen(Weight), Widen(Bias));
        }

        public float[] X { get; }

        public float[] Tx { get; }

        public float[] Dy { get; set; }

        public float[] Modulation { get; }

        public float[] TangentOfModulation { get; }

        public float[] Weight { get; }

        public float[] Bias { get; }

        public GroupNormReference Reference { get; }

        private float[] Normal(int count, bool rounded = false) => [.. Enumerable.Range(0, count).Select(_ =>
        {
            float value = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            return rounded ? BFloat16.ToSingle(BFloat16.FromSingle(value)) : value;
        })];
    }
}

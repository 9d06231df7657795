using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ModulatedNormTests
{
    private static readonly ModulatedNormOptions Network = new(true, 1 / 0.596f), Coarse = new(true, 0.7f, 0.5f), Plain = new(false, 1.3f);

    // The norm of a single channel has a derivative of the size of epsilon, the difference of larger terms: only with a large epsilon.
    // The tiled ones have images of whole tiles on a GPU, for the kernels that hold a row in 1 to 32 lanes.
    private static readonly Shape[] Small = [new(1, 1, 1, 1), new(2, 3, 5, 11), new(3, 4, 4, 24), new(2, 2, 4, 40)];
    private static readonly Shape[] Tiled = [new(2, 16, 16, 24), new(1, 8, 16, 72), new(2, 8, 8, 200)];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        [
            .. Small[1..].Select(shape => Case(shape, Network)), .. Small.Select(shape => Case(shape, Coarse)), .. Small.Select(shape => Case(shape, Plain)),
            .. Small.Select(shape => Case(shape, Coarse, shift: false)), Case(new(2, 8, 8, 200), Network), Case(new(1, 4, 4, 520), Coarse),
        ]);

    public static IEnumerable<TheoryDataRow<string, OpCase>> InBFloat16 => TestDevices.Cross(
        ["simulator", "cuda"],
        [
            .. Small[1..].Select(shape => Case(shape, Network).InBFloat16()), .. Tiled.Select(shape => Case(shape, Coarse).InBFloat16()),
            .. Tiled.Select(shape => Case(shape, Plain, shift: false).InBFloat16()), Case(Tiled[0], Coarse, shift: false).InBFloat16(),
        ]);

    public static IEnumerable<TheoryDataRow<string, OpCase>> LongRows => TestDevices.Cross(
        ["cuda"],
        [.. new[] { 576, 768, 1152, 1536, 1792, 2048, 2056 }.Select(channels => Case(new(2, 8, 8, channels), Coarse).InBFloat16())]);

    [Theory]
    [MemberData(nameof(Cases))]
    [MemberData(nameof(InBFloat16))]
    [MemberData(nameof(LongRows))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    /// <summary>A pixel of zeros has N = 0 and the tangent tx / epsilon, without dividing by its root.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_pixel_of_zeros_is_finite(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        var shape = new Shape(1, 1, 1, 8);
        using Tensor x = device.CreateTensor(shape), dx = device.CreateTensor(shape), modulation = device.CreateTensor(new Shape(1, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
        using Tensor tangent = device.CreateTensor(shape, [1, 1, 1, 1, 1, 1, 1, 1]), dy = device.CreateTensor(shape, [1, 1, 1, 1, 1, 1, 1, 1]), result = device.CreateTensor(shape);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        Tensor y = ModulatedNorm.Apply(program, Copy.Join(program, x, tangent), modulation, new ModulatedNormOptions(Epsilon: 0.25f));
        Copy.Into(program, y.Tangent, result);
        tape.Seed(y, dy);
        tape.Backward();
        program.Run();
        float[] expected = [2, 4, 6, 8, 10, 12, 14, 16]; // silu'(0) = 1/2, over an epsilon of 1/4
        Assert.Equal(expected, result.ToArray());
        Assert.Equal(expected, dx.ToArray());
    }

    /// <summary>Fused into the fast kernels or not, dropout has the mask of the op that stands alone, in the tangent and backward too.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Dropout_has_the_mask_of_the_op_that_stands_alone(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        DType type = device is CpuDevice ? DType.Float32 : DType.BFloat16;
        var shape = new Shape(2, 16, 16, 24);
        float[][] fused = Run(separate: false), apart = Run(separate: true);
        foreach ((float[] one, float[] other) in fused.Zip(apart))
            Assert.InRange(OpBattery.RelativeError([.. other.Select(v => (double)v)], one), 0, 6e-3); // apart, values are rounded twice
        Assert.InRange(fused[0].Count(v => v == 0) / (double)shape.Count, 0.35, 0.45);
        Assert.Equal(apart[0].Select(v => v == 0), fused[0].Select(v => v == 0));
        Assert.Equal(fused[0].Select(v => v == 0), fused[1].Select(v => v == 0));

        float[][] Run(bool separate)
        {
            using Tensor counter = device.CreateTensor(new Shape(2), DType.Int32), modulation = device.CreateTensor(new Shape(2, 48), Numbers(96, 3));
            counter.Upload<int>([5, 40]);
            var random = new RandomSource(77, RandomPurpose.Dropout, counter);
            using Tensor x = Stored(1), tx = Stored(2), dy = Stored(4), dx = device.CreateTensor(shape, type), value = device.CreateTensor(shape, type), tangent = device.CreateTensor(shape, type);
            using Tensor dm = device.CreateTensor(modulation.Shape);
            var tape = new Tape();
            tape.Watch(x, dx);
            tape.Watch(modulation, dm);
            using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
            Tensor both = Copy.Join(program, x, tx);
            Tensor y = separate
                ? Dropout.Apply(program, ModulatedNorm.Apply(program, both, modulation, Coarse), random, 0.4f)
                : ModulatedNorm.Apply(program, both, modulation, Coarse, random, 0.4f);
            Copy.Into(program, y.Primal, value);
            Copy.Into(program, y.Tangent, tangent);
            tape.Seed(y, dy);
            tape.Backward();
            program.Run();
            return [Floats(value), Floats(tangent), Floats(dx), dm.ToArray()];
        }

        Tensor Stored(int seed)
        {
            Tensor tensor = device.CreateTensor(shape, type);
            if (type == DType.Float32)
                tensor.Upload<float>(Numbers((int)shape.Count, seed));
            else
                tensor.Upload<BFloat16>(Array.ConvertAll(Numbers((int)shape.Count, seed), BFloat16.FromSingle));
            return tensor;
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        Tensor x = cpu.CreateTensor(new Shape(2, 3, 3, 4)), modulation = cpu.CreateTensor(new Shape(2, 8));
        foreach ((Tensor left, Tensor right) in (ReadOnlySpan<(Tensor, Tensor)>)[
            (cpu.CreateTensor(new Shape(2, 12)), modulation), (x, cpu.CreateTensor(new Shape(2, 12))), (x, cpu.CreateTensor(new Shape(1, 8))),
            (x, Copy.Join(program, modulation, modulation))])
            Assert.Contains("modulated-norm", Assert.Throws<ArgumentException>(() => ModulatedNorm.Apply(program, left, right, Network)).Message, StringComparison.Ordinal);
    }

    private static OpCase Case(Shape shape, ModulatedNormOptions options, bool shift = true) => new(
        $"modulated-norm {shape}, {(shift ? "shift" : "no shift")}, {(options.Normalises ? $"epsilon {options.Epsilon}" : "no norm")}",
        [shape, new Shape(shape.N, (shift ? 2 : 1) * shape.C)],
        (p, x) => ModulatedNorm.Apply(p, x[0], x[1], options),
        x => Reference(x[0], x[1], shape, options, shift))
    {
        ActivationInputs = 1,
    };

    private static double[] Reference(double[] x, double[] modulation, Shape shape, ModulatedNormOptions options, bool shift)
    {
        int channels = shape.C, pixels = shape.H * shape.W, width = (shift ? 2 : 1) * channels;
        double[] y = new double[x.Length];
        for (int p = 0; p < x.Length / channels; p++)
        {
            ReadOnlySpan<double> row = x.AsSpan(p * channels, channels), of = modulation.AsSpan(p / pixels * width, width);
            double square = 0;
            foreach (double v in row)
                square += v * v;
            double r = options.Normalises ? 1 / (Math.Sqrt(square / channels) + options.Epsilon) : 1;
            for (int c = 0; c < channels; c++)
            {
                double u = r * row[c] * of[c] + (shift ? of[channels + c] : 0);
                y[p * channels + c] = options.Gain * u / (1 + Math.Exp(-u));
            }
        }

        return y;
    }

    private static float[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    private static float[] Floats(Tensor x)
    {
        if (x.Type == DType.Float32)
            return x.ToArray();
        var stored = new BFloat16[x.Count];
        x.Download<BFloat16>(stored);
        return Array.ConvertAll(stored, BFloat16.ToSingle);
    }
}

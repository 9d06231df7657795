using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class WeightNormTests
{
    private const float Untouched = 7f;
    private const int Count = 61_000, FirstGain = 1, SecondGain = 3;

    /// <summary>
    /// Rows of one value and of odd numbers; convolutions whose channels are in two halves, the halves in quads or not; gains, one of two parts. Rows that a
    /// warp keeps in registers, that a group of 64, 128 or 256 threads keeps, and that nobody keeps (more than 128 on the simulator, than 8192 on a GPU).
    /// </summary>
    private static readonly WeightNormPart[] Parts =
    [
        new(8, 5, 24) { Scale = 0.2f, Gain = FirstGain },
        new(129, 4, 45) { Scale = 0.7f, Taps = 9, SplitChannel = 3, SplitScale = -1.3f },
        new(312, 3, 108) { Scale = 0.5f, Taps = 9, SplitChannel = 8, SplitScale = 0.25f, Gain = SecondGain },
        new(640, 6, 1) { Scale = 3f, Gain = FirstGain },
        new(647, 2, 131),
        new(1000, 3, 300) { Scale = 1.5f, Taps = 1, SplitChannel = 148, SplitScale = 0.5f },
        new(2000, 2, 1100) { SplitChannel = 0, SplitScale = 2f },
        new(4201, 2, 2049) { Scale = 0.1f, Gain = SecondGain },
        new(8300, 2, 5004) { Scale = 0.01f, Taps = 9, SplitChannel = 300, SplitScale = 0.02f },
        new(18_308, 2, 9000) { Scale = 0.3f, Taps = 9, SplitChannel = 496, SplitScale = 0.6f },
        new(36_309, 1, 8203) { Scale = 0.4f, Taps = 13, SplitChannel = 7, SplitScale = 1f },
        new(44_512, 1, 16_448) { Scale = 2f, Gain = FirstGain },
    ];

    public static IEnumerable<TheoryDataRow<string, bool>> Forced => TestDevices.Cross(["cpu", "simulator", "cuda"], new[] { false, true });

    public static IEnumerable<TheoryDataRow<string, bool>> Rounded => TestDevices.Cross(["simulator", "cuda"], new[] { false, true });

    [Theory]
    [MemberData(nameof(Forced))]
    public void Compute_weights_agree_with_float64(string device, bool force)
    {
        float[] values = Values();
        double[] start = Widen(values), stored = force ? WeightNormReference.Forced(start, Parts) : start, compute = WeightNormReference.Compute(stored, Parts);
        using var run = new SlabRun(device, values);
        run.Make(force);
        Near(stored, run.Values.ToArray(), 2e-7);
        float[] actual = run.Compute.ToArray();
        Near(compute, actual, 5e-7);
        foreach (int gap in WeightNormReference.Gaps(Count, Parts))
        {
            Assert.Equal(Untouched, actual[gap]);
            Assert.Equal(values[gap], run.Values.ToArray()[gap]);
        }
    }

    [Theory]
    [MemberData(nameof(Rounded))]
    public void In_bf16_they_are_those_in_fp32_rounded(string device, bool force)
    {
        using SlabRun exact = new(device, Values()), rounded = new(device, Values(), DType.BFloat16);
        exact.Make(force);
        rounded.Make(force);
        Assert.Equal(exact.Values.ToArray(), rounded.Values.ToArray());
        var actual = new BFloat16[Count];
        rounded.Compute.Download<BFloat16>(actual);
        Assert.Equal(exact.Compute.ToArray().Select(BFloat16.FromSingle), actual);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void What_was_forced_gives_the_same_bits_unforced_and_hardly_moves_again(string device)
    {
        using SlabRun run = new(device, Values()), other = new(device, Values());
        run.Make(force: true);
        other.Make(force: true);
        float[] compute = run.Compute.ToArray(), stored = run.Values.ToArray();
        Assert.Equal(compute, other.Compute.ToArray());
        run.Make(force: false);
        Assert.Equal(compute, run.Compute.ToArray());
        Assert.Equal(stored, run.Values.ToArray());
        run.Make(force: true);
        Near(Widen(compute), run.Compute.ToArray(), 2e-6); // a row of norm 0.01 has been brought to 0.99 only
        stored = run.Values.ToArray(); // whose norms are within 1e-6 of the fixed point 1 - epsilon
        run.Make(force: true);
        Near(Widen(stored), run.Values.ToArray(), 2e-6);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Gradients_agree_with_float64(string device)
    {
        float[] values = Values(), g = Gradients();
        double[] expected = WeightNormReference.Gradient(Widen(values), Widen(g), Parts);
        using SlabRun run = new(device, values), other = new(device, values);
        float[] actual = run.Backward(g);
        Near(expected, actual, 5e-7, WeightNormReference.Gradient(Widen(values), Widen(g), Parts, radial: false)); // of one value nothing is left
        foreach (int gap in WeightNormReference.Gaps(Count, Parts))
            Assert.Equal(expected[gap], actual[gap], gap is FirstGain or SecondGain ? 2e-4 : 0); // gains are sums of thousands of terms of up to 5
        Assert.Equal(values, run.Values.ToArray());
        Assert.Equal(actual, other.Backward(g));
    }

    [Fact]
    public void The_reference_of_the_gradients_agrees_with_differences_of_the_compute_weights()
    {
        const double step = 1e-5;
        WeightNormPart[] parts = Parts[..4];
        double[] values = Widen(Values()[..760]), g = Widen(Gradients()[..760]);
        double[] gradient = WeightNormReference.Gradient(values, g, parts);
        HashSet<int> gaps = [.. WeightNormReference.Gaps(values.Length, parts).Except([FirstGain, SecondGain])];
        for (int i = 0; i < values.Length; i++)
        {
            if (!gaps.Contains(i) && values[i] != 0)
                Assert.Equal((Loss(i, step) - Loss(i, -step)) / (2 * step), gradient[i], 1e-6 * (1 + Math.Abs(gradient[i])));
        }

        double Loss(int moved, double by)
        {
            double[] around = [.. values];
            around[moved] += by;
            return WeightNormReference.Compute(around, parts).Zip(g).Sum(pair => double.IsNaN(pair.First) ? 0 : pair.First * pair.Second);
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_row_of_zeros_stays_zero_and_its_gradient_is_finite(string device)
    {
        using var run = new SlabRun(device, new float[Count]);
        run.Make(force: true);
        Assert.All(run.Values.ToArray(), value => Assert.Equal(0f, value));
        WeightNormPart part = Parts[5]; // without a gain, which would be zero here too
        Assert.Equal(0f, run.Compute.ToArray()[part.Start]);
        float[] g = Gradients();
        Assert.Equal(g[part.Start] * part.Scale / 1e-4f, run.Backward(g)[part.Start], 1e-2f * Math.Abs(g[part.Start]));
    }

    [Fact]
    public void A_network_of_any_number_of_parts_takes_one_step_and_its_gradients_two()
    {
        using var run = new SlabRun("cpu", Values());
        Assert.Equal(["weight-norm.make"], run.Steps(program => WeightNorm.Make(program, run.Values, run.Compute, Parts, force: false)));
        Assert.Equal(["weight-norm.backward", "weight-norm.gains"], run.Steps(program => WeightNorm.Backward(program, run.Values, run.Compute, Parts)));
        Assert.Equal(["weight-norm.backward"], run.Steps(program => WeightNorm.Backward(program, run.Values, run.Compute, [Parts[4]])));
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        using var run = new SlabRun("cpu", Values());
        WeightNormPart good = new(8, 2, 6);
        foreach (WeightNormPart[] parts in (WeightNormPart[][])
            [
                [], [good with { Start = -1 }], [good with { Rows = 0 }], [good with { Columns = 0 }], [good with { Taps = 4 }], [good with { Taps = 0 }],
                [good with { Taps = 2, SplitChannel = 4 }], [good with { SplitChannel = -1 }], [good with { Gain = -2 }], [good with { Gain = Count }],
                [good with { Gain = 19 }], [good, new(19, 1, 2)], [new(Count - 11, 2, 6)], [new(0, int.MaxValue, int.MaxValue)],
            ])
        {
            using var program = new ComputeProgram(run.Values.Device);
            Assert.Contains("weight-norm", Assert.Throws<ArgumentException>(() => WeightNorm.Make(program, run.Values, run.Compute, parts, force: true)).Message, StringComparison.Ordinal);
            Assert.Throws<ArgumentException>(() => WeightNorm.Backward(program, run.Values, run.Compute, parts));
        }

        using var other = new ComputeProgram(run.Values.Device);
        using Tensor shorter = run.Values.Device.CreateTensor(new Shape(30)), bf16 = run.Values.Device.CreateTensor(new Shape(Count), DType.BFloat16);
        Assert.Throws<ArgumentException>(() => WeightNorm.Make(other, run.Values, shorter, [good], force: true));
        Assert.Throws<ArgumentException>(() => WeightNorm.Make(other, run.Values, bf16, [good], force: true)); // on the host
        Assert.Throws<ArgumentException>(() => WeightNorm.Backward(other, run.Values, bf16, [good]));
    }

    /// <summary>Rows of norms from 0.02 to 5.</summary>
    private static float[] Values()
    {
        var random = new Random(31);
        float[] values = [.. Enumerable.Range(0, Count).Select(_ => (float)random.NextDouble() - 0.4f)];
        foreach ((int index, WeightNormPart part) in Parts.Index())
            for (int i = 0; i < part.Rows * part.Columns; i++)
                values[part.Start + i] *= MathF.Pow(2, (index + i / part.Columns) % 8 - 4);
        return values;
    }

    private static float[] Gradients()
    {
        var random = new Random(32);
        return [.. Enumerable.Range(0, Count).Select(_ => (float)random.NextDouble() - 0.5f)];
    }

    private static double[] Widen(float[] values) => [.. values.Select(value => (double)value)];

    /// <summary>Compares row by row, in L2, relative to the row of another array if there is one.</summary>
    private static void Near(double[] expected, float[] actual, double tolerance, double[]? size = null)
    {
        foreach (WeightNormPart part in Parts)
        {
            for (int row = 0; row < part.Rows; row++)
            {
                Range range = (part.Start + row * part.Columns)..(part.Start + (row + 1) * part.Columns);
                double error = Norm([.. expected[range].Zip(actual[range], (e, a) => e - a)]) / Norm((size ?? expected)[range]);
                Assert.True(error < tolerance, $"row {row} of {part} is off by {error:E2} relative L2");
            }
        }
    }

    private static double Norm(double[] values) => Math.Sqrt(values.Sum(value => value * value));

    /// <summary>A slab whose compute weights begin as a number that the op never writes.</summary>
    private sealed class SlabRun : IDisposable
    {
        private readonly Tensor gradients;

        public SlabRun(string device, float[] values, DType type = DType.Float32)
        {
            ComputeDevice on = TestDevices.Get(device);
            Values = on.CreateTensor(new Shape(Count), values);
            gradients = on.CreateTensor(new Shape(Count));
            Compute = on.CreateTensor(new Shape(Count), type);
            float[] untouched = [.. Enumerable.Repeat(Untouched, Count)];
            if (type == DType.Float32)
                Compute.Upload<float>(untouched);
            else
                Compute.Upload<BFloat16>([.. untouched.Select(BFloat16.FromSingle)]);
        }

        public Tensor Values { get; }

        public Tensor Compute { get; }

        public void Make(bool force) => Steps(program => WeightNorm.Make(program, Values, Compute, Parts, force));

        public float[] Backward(float[] g)
        {
            gradients.Upload<float>(g);
            Steps(program => WeightNorm.Backward(program, Values, gradients, Parts));
            return gradients.ToArray();
        }

        /// <summary>Records and runs a program, and returns the names of its steps.</summary>
        public IEnumerable<string> Steps(Action<ComputeProgram> record)
        {
            using var program = new ComputeProgram(Values.Device) { Checked = true };
            record(program);
            program.Run();
            return [.. program.Steps.Select(step => step.Op)];
        }

        public void Dispose()
        {
            Values.Dispose();
            Compute.Dispose();
            gradients.Dispose();
        }
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class GradientNormTests
{
    [Theory]
    [MemberData(nameof(Counts))]
    public void Measures_and_clips(string device, int count)
    {
        using var run = new NormRun(device, count, 2f);
        var random = new Random(3);
        float[] gradients = [.. Enumerable.Range(0, count).Select(_ => (float)random.NextDouble() - 0.5f)];
        double norm = Math.Sqrt(gradients.Sum(g => (double)g * g));
        float[] clip = run.Run(gradients);
        Assert.Equal(1, clip[0] / norm, 1e-6);
        Assert.Equal(1, clip[1] / Math.Min(1, 2 / norm), 1e-6);
        Assert.Equal([1, 0, 0, 0], run.Counters);
        Assert.Equal(clip, run.Run(gradients));
    }

    public static IEnumerable<TheoryDataRow<string, int>> Counts => TestDevices.Cross(["cpu", "simulator", "cuda"], new[] { 1, 37, 100_003 });

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Skips_and_counts_what_is_not_finite(string device)
    {
        using var run = new NormRun(device, 37, float.PositiveInfinity);
        float[] good = [.. Enumerable.Repeat(0.5f, 37)];
        Assert.Equal(1f, run.Run(good)[1]);
        Assert.Equal(0f, run.Run([.. good[..36], float.NaN])[1]);
        Assert.Equal([1, 1, 1, 1], run.Counters);
        Assert.Equal(0f, run.Run([float.NegativeInfinity, .. good[1..]])[1]);
        Assert.Equal(0f, run.Run(good, badLosses: 1)[1]);
        Assert.Equal([1, 3, 3, 3], run.Counters);
        Assert.Equal(1f, run.Run(good)[1]);
        Assert.Equal([2, 3, 0, 3], run.Counters);
        Assert.Equal(0f, run.Run([.. good[..36], 1e20f])[1]); // finite, but its square would fill the second moment with infinity
        Assert.Equal([2, 4, 1, 3], run.Counters);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Clips_a_huge_gradient_and_leaves_a_zero_one(string device)
    {
        using var run = new NormRun(device, 5, 1f);
        Assert.Equal(1e-20f, run.Run([0, 0, 1e20f, 0, 0])[1], 1e-26f);
        Assert.Equal([0f, 1f], run.Run(new float[5]));
    }

    [Theory]
    [MemberData(nameof(Counts))]
    public void Leaves_out_and_counts_elements_that_are_not_finite(string device, int count)
    {
        using var run = new NormRun(device, count, 2f, zeroes: true);
        var random = new Random(5);
        float[] gradients = [.. Enumerable.Range(0, count).Select(_ => (float)random.NextDouble() - 0.5f)];
        float[] without = run.Run(gradients);
        Assert.Equal(0f, run.Zeroed);
        float[] bad = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -float.NaN];
        int[] places = [.. new[] { count - 1, 0, count / 2, count / 3 }.Distinct()];
        foreach ((int place, float value) in places.Zip(bad))
            gradients[place] = value;
        double norm = Math.Sqrt(gradients.Where(float.IsFinite).Sum(g => (double)g * g));
        float[] clip = run.Run(gradients);
        Assert.Equal(norm, clip[0], 1e-6 * norm);
        Assert.Equal((float)(norm > 2 ? 2 / norm : 1), clip[1], 1e-6f);
        Assert.Equal(places.Length, run.Zeroed);
        Assert.Equal([2, 0, 0, 0], run.Counters);
        Assert.Equal(clip, run.Run(gradients, badLosses: 4)); // some losses are bad, four are good
        Assert.Equal(0f, run.Run(gradients, badLosses: 4, goodLosses: 0)[1]); // the weights themselves are not finite
        Assert.Equal([3, 1, 1, 1], run.Counters);
        if (places.Length < count)
            Assert.NotEqual(without, clip);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Skips_what_would_overflow_even_if_elements_are_zeroed(string device)
    {
        using var run = new NormRun(device, 37, float.PositiveInfinity, zeroes: true);
        float[] good = [.. Enumerable.Repeat(0.5f, 36)];
        Assert.Equal(0f, run.Run([.. good, 1e20f])[1]);
        Assert.Equal([0f, 1f], run.Run([.. Enumerable.Repeat(float.NaN, 37)]));
        Assert.Equal(37f, run.Zeroed);
    }

    private sealed class NormRun : IDisposable
    {
        private readonly ComputeProgram program;
        private readonly Tensor gradients, losses, clip, counters;
        private readonly Tensor? zeroed;

        public NormRun(string device, int count, float maxNorm, bool zeroes = false)
        {
            ComputeDevice on = TestDevices.Get(device);
            program = new ComputeProgram(on) { Checked = true };
            gradients = on.CreateTensor(new Shape(count));
            losses = on.CreateTensor(new Shape(Tally.Length), DType.Float64);
            clip = on.CreateTensor(new Shape(GradientNorm.ClipLength));
            counters = on.CreateTensor(new Shape(GradientNorm.CounterLength), DType.Int32);
            zeroed = zeroes ? on.CreateTensor(new Shape(1)) : null;
            GradientNorm.Into(program, gradients, losses, maxNorm, clip, counters, zeroed);
        }

        public float Zeroed => zeroed!.ToArray()[0];

        public int[] Counters
        {
            get
            {
                int[] values = new int[GradientNorm.CounterLength];
                counters.Download(values.AsSpan());
                return values;
            }
        }

        public float[] Run(float[] values, int badLosses = 0, int goodLosses = 4)
        {
            gradients.Upload<float>(values);
            losses.Upload<double>([3, goodLosses, badLosses]);
            program.Run();
            double[] left = new double[Tally.Length];
            losses.Download(left.AsSpan());
            Assert.Equal([0, 0, 0], left);
            return clip.ToArray();
        }

        public void Dispose()
        {
            program.Dispose();
            foreach (Tensor tensor in (ReadOnlySpan<Tensor>)[gradients, losses, clip, counters])
                tensor.Dispose();
            zeroed?.Dispose();
        }
    }
}

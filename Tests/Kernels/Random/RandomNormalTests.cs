using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class RandomNormalTests
{
    private const ulong Seed = 0x1234_5678_9ABC_DEF0;

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Is_Box_and_Muller_of_the_documented_counters(string device)
    {
        float[] actual = Draw(device, new Shape(3, 5, 7, 2), Seed, purpose: 9, step: 4, first: 100, scale: 0.5f);
        for (int n = 0; n < 3; n++)
        {
            for (int element = 0; element < 70; element++)
            {
                Philox.Words words = Philox.At((uint)element / 4, (uint)(100 + n), 4, 9, 0x9ABC_DEF0, 0x1234_5678);
                (uint u, uint v) = element % 4 < 2 ? (words.A, words.B) : (words.C, words.D);
                double radius = Math.Sqrt(-2 * Math.Log(Philox.ToUnit(u))), angle = 2 * Math.PI * Philox.ToUnit(v);
                Assert.Equal(0.5 * radius * (element % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle)), actual[n * 70 + element], 5e-7);
            }
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Does_not_depend_on_how_a_batch_is_split(string device)
    {
        float[] whole = Draw(device, new Shape(5, 3, 3), Seed, 1, 2, 0);
        float[] parts = [.. Draw(device, new Shape(2, 3, 3), Seed, 1, 2, 0), .. Draw(device, new Shape(3, 9), Seed, 1, 2, 2)];
        Assert.Equal(whole, parts);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Step_purpose_seed_and_sample_each_give_other_numbers(string device)
    {
        var shape = new Shape(1, 33);
        float[][] draws =
        [
            Draw(device, shape, Seed, 1, 2, 3), Draw(device, shape, Seed, 1, 3, 2), Draw(device, shape, Seed, 2, 1, 3),
            Draw(device, shape, Seed, 3, 2, 1), Draw(device, shape, Seed + 1, 1, 2, 3), Draw(device, shape, Seed ^ (1UL << 63), 1, 2, 3),
        ];
        for (int i = 0; i < draws.Length; i++)
            for (int j = 0; j < i; j++)
                Assert.True(draws[i].Zip(draws[j], (a, b) => Math.Abs(a - b)).Average() > 0.5, $"draws {j} and {i} are alike");
    }

    /// <summary>Bounds are five standard errors of each statistic for 2^20 independent numbers.</summary>
    [Fact]
    public void Has_the_moments_tails_and_independence_of_a_normal()
    {
        const int count = 1 << 20;
        float[] z = Draw("cpu", new Shape(16, count / 16), Seed, 1, 0, 0);
        Near(0, 1, z.Average(v => (double)v));
        Near(1, Math.Sqrt(2), z.Average(v => (double)v * v));
        Near(0, Math.Sqrt(15), z.Average(v => (double)v * v * v));
        Near(3, Math.Sqrt(96), z.Average(v => (double)v * v * v * v));
        foreach ((double bound, double tail) in new[] { (1.0, 0.158655254), (2.0, 0.022750132), (3.0, 0.001349898), (4.0, 3.16712e-5) })
        {
            Near(tail, Math.Sqrt(tail), z.Average(v => v > bound ? 1.0 : 0));
            Near(tail, Math.Sqrt(tail), z.Average(v => v < -bound ? 1.0 : 0));
        }

        foreach (int lag in new[] { 1, 2, 3, 4, count / 16 }) // within a block, of neighbouring blocks, of neighbouring samples
            Near(0, 1, z.Skip(lag).Zip(z, (a, b) => (double)a * b).Sum() / count);

        static void Near(double expected, double deviation, double actual) => Assert.Equal(expected, actual, 5 * deviation / Math.Sqrt(count));
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Reads_its_counter_when_run(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor counter = device.CreateTensor(new Shape(2), DType.Int32), target = device.CreateTensor(new Shape(2, 5));
        using var program = new ComputeProgram(device) { Checked = true };
        RandomNormal.Into(program, target, new RandomSource(Seed, (RandomPurpose)1, counter));
        program.Run();
        float[] first = target.ToArray();
        counter.Upload<int>([1, 0]);
        program.Run();
        float[] second = target.ToArray();
        Assert.NotEqual(first, second);
        Assert.Equal(Draw(deviceName, new Shape(2, 5), Seed, 1, 1, 0), second);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Takes_the_seed_from_a_counter_that_holds_one(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor counter = device.CreateTensor(new Shape(4), DType.Int32), target = device.CreateTensor(new Shape(2, 5));
        using var program = new ComputeProgram(device) { Checked = true };
        RandomNormal.Into(program, target, new RandomSource(Seed + 1, (RandomPurpose)1, counter));
        counter.Upload<int>([7, 3, unchecked((int)0x9ABC_DEF0), 0x1234_5678]);
        program.Run();
        Assert.Equal(Draw(deviceName, new Shape(2, 5), Seed, 1, 7, 3), target.ToArray());
    }

    [Fact]
    public void Refuses_a_counter_of_another_form()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor keyed = device.CreateTensor(new Shape(4), DType.Int32);
        Assert.Throws<ArgumentException>(() => RandomUniform.Into(program, device.CreateTensor(new Shape(2, 5)), new RandomSource(Seed, (RandomPurpose)1, keyed)));
        using Tensor counter = device.CreateTensor(new Shape(1), DType.Int32), target = device.CreateTensor(new Shape(2, 5));
        var error = Assert.Throws<ArgumentException>(() => RandomNormal.Into(program, target, new RandomSource(Seed, (RandomPurpose)1, counter)));
        Assert.Contains("random-normal", error.Message, StringComparison.Ordinal);
    }

    private static float[] Draw(string deviceName, Shape shape, ulong seed, uint purpose, int step, int first, float scale = 1f)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor counter = device.CreateTensor(new Shape(2), DType.Int32), target = device.CreateTensor(shape);
        counter.Upload<int>([step, first]);
        using var program = new ComputeProgram(device) { Checked = true };
        RandomNormal.Into(program, target, new RandomSource(seed, (RandomPurpose)purpose, counter), scale);
        program.Run();
        return target.ToArray();
    }
}

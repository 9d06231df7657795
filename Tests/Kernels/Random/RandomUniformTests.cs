using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class RandomUniformTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Is_the_documented_words_bit_for_bit(string device)
    {
        const ulong seed = 0xFEDC_BA98_7654_3210;
        float[] actual = Draw(device, new Shape(3, 7, 5), seed, purpose: 0xFFFFFFFF, step: int.MaxValue, first: 1 << 20, scale: 2f);
        for (int i = 0; i < actual.Length; i++)
        {
            (int n, int element) = (i / 35, i % 35);
            Philox.Words words = Philox.At((uint)element / 4, (uint)((1 << 20) + n), int.MaxValue, 0xFFFFFFFF, 0x7654_3210, 0xFEDC_BA98);
            uint word = (element % 4) switch { 0 => words.A, 1 => words.B, 2 => words.C, _ => words.D };
            Assert.Equal(2 * Philox.ToUnit(word), actual[i]);
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_number_for_each_sample_does_not_depend_on_the_batch(string device)
    {
        float[] whole = Draw(device, new Shape(6), 1, 1, 1, 0);
        Assert.Equal(whole[2..], Draw(device, new Shape(4), 1, 1, 1, 2));
        Assert.Equal(6, whole.Distinct().Count());
    }

    /// <summary>100 equal bins of 2^20 numbers: chi squared of 99 degrees of freedom has mean 99 and deviation 14.1.</summary>
    [Fact]
    public void Fills_the_interval_evenly()
    {
        const int count = 1 << 20, bins = 100;
        int[] hits = new int[bins];
        foreach (float u in Draw("cpu", new Shape(4, count / 4), 5, 1, 0, 0))
        {
            Assert.InRange(u, float.Epsilon, 1f);
            hits[Math.Min((int)(u * bins), bins - 1)]++;
        }

        const double expected = (double)count / bins;
        Assert.InRange(hits.Sum(h => (h - expected) * (h - expected) / expected), 99 - 4 * 14.1, 99 + 5 * 14.1);
    }

    private static float[] Draw(string deviceName, Shape shape, ulong seed, uint purpose, int step, int first, float scale = 1f)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor counter = device.CreateTensor(new Shape(2), DType.Int32), target = device.CreateTensor(shape);
        counter.Upload<int>([step, first]);
        using var program = new ComputeProgram(device) { Checked = true };
        RandomUniform.Into(program, target, new RandomSource(seed, (RandomPurpose)purpose, counter), scale);
        program.Run();
        return target.ToArray();
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class LabelDropoutTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Drops_at_the_rate_given_and_the_same_labels_everywhere(string device)
    {
        const int count = 2000;
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % 10)];
        int[] kept = Run(device, labels, step: 5, firstSample: 0, rate: 0.2f);
        Assert.All(kept.Zip(labels), pair => Assert.True(pair.First == -1 || pair.First == pair.Second));
        Assert.InRange(kept.Count(label => label < 0), 400 - 4 * 18, 400 + 4 * 18);
        Assert.Equal(Run("cpu", labels, 5, 0, 0.2f), kept);
        Assert.Equal(kept[700..], Run(device, labels[700..], 5, 700, 0.2f)); // a batch may come in pieces
        Assert.NotEqual(kept, Run(device, labels, 6, 0, 0.2f));
        Assert.Equal(labels, Run(device, labels, 5, 0, 0f));
        Assert.All(Run(device, labels, 5, 0, 1f), label => Assert.Equal(-1, label));
    }

    private static int[] Run(string device, int[] labels, int step, int firstSample, float rate)
    {
        ComputeDevice on = TestDevices.Get(device);
        Tensor counter = on.CreateTensor(new Shape(2), DType.Int32), given = on.CreateTensor(new Shape(labels.Length), DType.Int32);
        Tensor kept = on.CreateTensor(given.Shape, DType.Int32);
        counter.Upload<int>([step, firstSample]);
        given.Upload<int>(labels);
        using var program = new ComputeProgram(on) { Checked = true };
        Copy.Into(program, LabelDropout.Apply(program, given, new RandomSource(0x1234_5678_9ABC_DEF0, (RandomPurpose)77, counter), rate), kept);
        program.Run();
        int[] result = new int[labels.Length];
        kept.Download(result.AsSpan());
        return result;
    }
}

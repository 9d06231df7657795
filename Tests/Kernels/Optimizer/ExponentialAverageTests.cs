using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ExponentialAverageTests
{
    public static IEnumerable<TheoryDataRow<string, int>> Counts => TestDevices.Cross(["cpu", "simulator", "cuda"], new[] { 1, 37, 5003 });

    [Theory]
    [MemberData(nameof(Counts))]
    public void Follows_float64_and_holds_in_a_skipped_step(string device, int count)
    {
        ComputeDevice on = TestDevices.Get(device);
        var random = new Random(5);
        double[] expected = new double[count];
        Tensor values = on.CreateTensor(new Shape(count)), average = on.CreateTensor(new Shape(count));
        Tensor gain = on.CreateTensor(new Shape(1)), clip = on.CreateTensor(new Shape(GradientNorm.ClipLength));
        using var program = new ComputeProgram(on) { Checked = true };
        ExponentialAverage.Into(program, values, average, gain, clip);
        for (int step = 0; step < 6; step++)
        {
            float[] now = [.. Enumerable.Range(0, count).Select(_ => (float)random.NextDouble())];
            float weight = step == 0 ? 1f : 0.3f / step;
            bool skip = step == 3;
            values.Upload<float>(now);
            gain.Upload<float>([weight]);
            clip.Upload<float>([1f, skip ? 0f : 0.5f]);
            float[] before = average.ToArray();
            program.Run();
            if (skip)
                Assert.Equal(before, average.ToArray());
            else
                expected = [.. expected.Zip(now, (a, v) => (1 - (double)weight) * a + (double)weight * v)];
            if (step == 0)
                Assert.Equal(now, average.ToArray());
        }

        Assert.True(OpBattery.RelativeError(expected, average.ToArray()) < 1e-6);
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class TimeEmbeddingTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], new[] { Case(1, 4), Case(3, 6), Case(5, 74), Case(37, 32), CosinesFirst(1, 2), CosinesFirst(3, 4), CosinesFirst(5, 74), CosinesFirst(19, 128) });

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Every_element_is_accurate_to_4e7(string deviceName)
    {
        const int channels = 128, half = channels / 2;
        ComputeDevice device = TestDevices.Get(deviceName);
        float[] times = [.. Enumerable.Range(0, 51).Select(i => (float)(i / 50.0 * Math.PI / 2))];
        using var program = new ComputeProgram(device) { Checked = true };
        using Tensor t = device.CreateTensor(new Shape(51), times), kept = device.CreateTensor(new Shape(51, channels));
        Copy.Into(program, TimeEmbedding.Apply(program, t, channels), kept);
        program.Run();
        float[] y = kept.ToArray();
        for (int n = 0; n < 51; n++)
        {
            for (int i = 0; i < half; i++)
            {
                double phase = times[n] * Math.Pow(10000, -i / (half - 1.0));
                Assert.Equal(Math.Sin(phase), y[n * channels + i], 4e-7);
                Assert.Equal(Math.Cos(phase), y[n * channels + half + i], 4e-7);
            }
        }
    }

    [Fact]
    public void Refuses_a_watched_time_and_odd_widths()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor t = device.CreateTensor(new Shape(3)), dt = device.CreateTensor(new Shape(3));
        var tape = new Tape();
        tape.Watch(t, dt);
        using var program = new ComputeProgram(device) { Tape = tape };
        Assert.Contains("time-embedding", Assert.Throws<ArgumentException>(() => TimeEmbedding.Apply(program, t, 8)).Message, StringComparison.Ordinal);
        using var forward = new ComputeProgram(device);
        Assert.Throws<ArgumentException>(() => TimeEmbedding.Apply(forward, t, 7));
        Assert.Throws<ArgumentException>(() => TimeEmbedding.Apply(forward, t, 2));
        Assert.Throws<ArgumentException>(() => TimeEmbedding.Apply(forward, t, 3, TimeEmbeddingKind.CosinesFirst));
        Assert.Throws<ArgumentException>(() => TimeEmbedding.Apply(forward, t, 0, TimeEmbeddingKind.CosinesFirst));
    }

    private static OpCase CosinesFirst(int samples, int channels) => Case(samples, channels) with
    {
        Name = $"time-embedding ({samples}) to {channels}, cosines first",
        Apply = (p, x) => TimeEmbedding.Apply(p, x[0], channels, TimeEmbeddingKind.CosinesFirst),
        Reference = x =>
        {
            double[] y = new double[samples * channels];
            int half = channels / 2;
            for (int n = 0; n < samples; n++)
            {
                for (int i = 0; i < half; i++)
                {
                    double phase = x[0][n] * (half == 1 ? 1 : Math.Pow(10000, -i / (half - 1.0)));
                    y[n * channels + i] = Math.Sqrt(2) * Math.Cos(phase);
                    y[n * channels + half + i] = Math.Sqrt(2) * Math.Sin(phase);
                }
            }

            return y;
        },
    };

    private static OpCase Case(int samples, int channels) => new(
        $"time-embedding ({samples}) to {channels}", [new Shape(samples)], (p, x) => TimeEmbedding.Apply(p, x[0], channels), x =>
        {
            double[] y = new double[samples * channels];
            int half = channels / 2;
            for (int i = 0; i < y.Length; i++)
            {
                int k = i % channels % half;
                double phase = x[0][i / channels] * Math.Pow(10000, -k / (half - 1.0));
                y[i] = i % channels < half ? Math.Sin(phase) : Math.Cos(phase);
            }

            return y;
        })
    {
        GradientInputs = 0,
        Tolerance = 5e-7,
        Fill = (_, random) => [.. Enumerable.Range(0, samples).Select(_ => (float)(random.NextDouble() * Math.PI / 2))],
    };
}

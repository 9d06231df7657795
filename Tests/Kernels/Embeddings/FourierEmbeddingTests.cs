using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class FourierEmbeddingTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], new[] { Case(1, 1), Case(3, 6), Case(5, 37), Case(37, 32) });

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    /// <summary>Levels of any data and noise (ln(0.002) / 4 to ln(80) / 4), absurd ones, and phases beside multiples of pi/2.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Every_element_is_accurate_to_3e7(string deviceName)
    {
        float[] levels = [-1.5536f, 1.0955f, 0f, -0f, 4f, -37.5f, 1000f];
        float[] frequencies = [.. Enumerable.Range(-40, 81).Select(i => i * 0.6173f)];
        float[] phases = [.. Enumerable.Range(0, 81).Select(i => (float)(i * Math.PI / 4))];
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor a = device.CreateTensor(new Shape(levels.Length), levels), f = device.CreateTensor(new Shape(81), frequencies);
        using Tensor p = device.CreateTensor(f.Shape, phases), kept = device.CreateTensor(new Shape(levels.Length, 81));
        using var program = new ComputeProgram(device) { Checked = true };
        Copy.Into(program, FourierEmbedding.Apply(program, a, f, p), kept);
        program.Run();
        float[] y = kept.ToArray();
        for (int i = 0; i < y.Length; i++)
        {
            double phase = (double)levels[i / 81] * frequencies[i % 81] + phases[i % 81];
            Assert.Equal(Math.Sqrt(2) * Math.Cos(phase), y[i], 3e-7);
        }
    }

    [Fact]
    public void Refuses_dual_and_watched_levels_and_shapes_that_differ()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor a = cpu.CreateTensor(new Shape(3)), f = cpu.CreateTensor(new Shape(4)), shorter = cpu.CreateTensor(new Shape(5)), da = cpu.CreateTensor(a.Shape);
        using var program = new ComputeProgram(cpu);
        Tensor dual = program.Allocate(new Shape(3), hasTangent: true);
        Assert.Contains("fourier-embedding", Assert.Throws<ArgumentException>(() => FourierEmbedding.Apply(program, dual, f, f)).Message, StringComparison.Ordinal);
        Assert.Contains("(C)", Assert.Throws<ArgumentException>(() => FourierEmbedding.Apply(program, a, f, shorter)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => FourierEmbedding.Apply(program, a.Reshape(3, 1), f, f));
        var tape = new Tape();
        tape.Watch(a, da);
        using var watched = new ComputeProgram(cpu) { Tape = tape };
        Assert.Throws<ArgumentException>(() => FourierEmbedding.Apply(watched, a, f, f));
    }

    private static OpCase Case(int samples, int channels) => new(
        $"fourier-embedding ({samples}) to {channels}", [new Shape(samples), new Shape(channels), new Shape(channels)],
        (p, x) => FourierEmbedding.Apply(p, x[0], x[1], x[2]),
        x => [.. x[0].SelectMany(a => x[1].Zip(x[2], (f, p) => Math.Sqrt(2) * Math.Cos(f * a + p)))])
    {
        GradientInputs = 0,
        HasTangent = false,
        Tolerance = 5e-7,
        Fill = (input, random) => input == 0 ? null : [.. Enumerable.Range(0, channels).Select(_ => (float)(20 * random.NextDouble() - 10))],
    };
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class NoiseLevelTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Agrees_with_float64(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        float[] times = [1e-6f, 0.002f, 0.1f, 0.5f, 1f, 1.4f, 1.5645f, 1.57f];
        foreach (float sigma in (float[])[0.5f, 1f, 0.3f])
        {
            using Tensor t = device.CreateTensor(new Shape(times.Length), times), result = device.CreateTensor(t.Shape);
            using var program = new ComputeProgram(device) { Checked = true };
            Copy.Into(program, NoiseLevel.Apply(program, t, sigma), result);
            program.Run();
            foreach ((float time, float level) in times.Zip(result.ToArray()))
                Assert.Equal(Math.Log(sigma * Math.Tan(time)) / 4, level, 2e-5 * (1 + 1e-3 / (Math.PI / 2 - time))); // near pi/2 the cosine has the error of t itself
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void The_ends_are_finite(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        using Tensor t = device.CreateTensor(new Shape(2), [0f, MathF.PI / 2]), result = device.CreateTensor(t.Shape);
        using var program = new ComputeProgram(device);
        Copy.Into(program, NoiseLevel.Apply(program, t, 0.5f), result);
        program.Run();
        Assert.All(result.ToArray(), level => Assert.InRange(MathF.Abs(level), 3f, 5f));
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        Tensor t = cpu.CreateTensor(new Shape(2));
        foreach ((Tensor times, float sigma) in ((Tensor, float)[])[(cpu.CreateTensor(new Shape(2, 2)), 0.5f), (Copy.Join(program, t, t), 0.5f), (t, 0f), (t, float.NaN)])
            Assert.Contains("noise-level", Assert.Throws<ArgumentException>(() => NoiseLevel.Apply(program, times, sigma)).Message, StringComparison.Ordinal);
    }
}

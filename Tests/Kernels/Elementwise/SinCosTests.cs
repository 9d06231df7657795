using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class SinCosTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Gives_cosine_sine_and_their_product(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        float[] times = [0f, 1e-6f, 0.3f, 1.1f, MathF.Atan(160f), MathF.PI / 2, 0.785398f];
        using Tensor t = device.CreateTensor(new Shape(7), times), cos = device.CreateTensor(t.Shape), sin = device.CreateTensor(t.Shape), product = device.CreateTensor(t.Shape);
        using var program = new ComputeProgram(device) { Checked = true };
        (Tensor Cos, Tensor Sin, Tensor CosSin) y = SinCos.Apply(program, t);
        Copy.Into(program, y.Cos, cos);
        Copy.Into(program, y.Sin, sin);
        Copy.Into(program, y.CosSin, product);
        program.Run();
        for (int n = 0; n < times.Length; n++)
        {
            Assert.Equal(Math.Cos(times[n]), cos.ToArray()[n], 1e-7);
            Assert.Equal(Math.Sin(times[n]), sin.ToArray()[n], 1e-7);
            Assert.Equal(Math.Cos(times[n]) * Math.Sin(times[n]), product.ToArray()[n], 1e-7);
        }

        Assert.Equal(Math.Cos(times[4]), cos.ToArray()[4], 1e-9); // at t_max the cosine is 0.006 and scales the noise
    }

    [Fact]
    public void Refuses_a_dual_time_by_name()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        Tensor t = program.Allocate(new Shape(2), hasTangent: true);
        Assert.Contains("sin-cos", Assert.Throws<ArgumentException>(() => SinCos.Apply(program, t)).Message, StringComparison.Ordinal);
    }
}

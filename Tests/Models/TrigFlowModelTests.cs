using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class TrigFlowModelTests
{
    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Velocity_and_denoised_image_follow_from_F(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        using TrigFlowModel model = SamplerNetwork.Model(device);
        using var program = new ComputeProgram(device) { Checked = true };
        var random = new Random(8);
        float[] images = [.. Enumerable.Range(0, 3 * 32).Select(_ => (float)(random.NextDouble() - 0.5))], times = [0f, 0.8f, 1.5f];
        Tensor xt = device.CreateTensor(new Shape(3, 4, 4, 2), images), t = device.CreateTensor(new Shape(3), times);
        float[] doubled = Array.ConvertAll(images, x => 2 * x); // x_t / sigma_data, exactly
        Tensor[] results =
        [
            Keep(model.Network.F(program, model.Weights, device.CreateTensor(xt.Shape, doubled), new(t))),
            Keep(model.F(program, xt, new(t))), Keep(model.Velocity(program, xt, new(t))), Keep(model.Denoise(program, xt, new(t))),
        ];
        program.Run();
        float[] expected = results[0].ToArray();
        Assert.Equal(expected, results[1].ToArray());
        Assert.Equal(Array.ConvertAll(expected, f => 0.5f * f), results[2].ToArray());
        float[] denoised = results[3].ToArray();
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(Math.Cos(times[i / 32]) * images[i] - Math.Sin(times[i / 32]) * 0.5 * expected[i], denoised[i], 1e-6);
        Assert.Equal(images[..32], denoised[..32]); // f(x, 0) = x

        Tensor Keep(Tensor x)
        {
            Tensor kept = device.CreateTensor(x.Shape);
            Copy.Into(program, x, kept);
            return kept;
        }
    }

    [Fact]
    public void F_is_dual_where_its_inputs_are()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using TrigFlowModel model = SamplerNetwork.Model(device);
        using var program = new ComputeProgram(device) { Checked = true };
        var random = new Random(1);
        Tensor Input(Shape shape) =>
            device.CreateTensor(shape, [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (float)(random.NextDouble() - 0.5))]);
        Tensor Doubled(Tensor a) => device.CreateTensor(a.Shape, Array.ConvertAll(a.ToArray(), v => 2 * v)); // a / sigma_data

        var image = new Shape(1, 4, 4, 2);
        Tensor x = Input(image), tx = Input(image), t = Input(new Shape(1)), tt = Input(new Shape(1));
        Tensor expected = model.Network.F(
            program, model.Weights, Copy.Join(program, Doubled(x), Doubled(tx)), new(Copy.Join(program, t, tt)));
        Tensor actual = model.F(program, Copy.Join(program, x, tx), new(Copy.Join(program, t, tt)));
        Tensor a = device.CreateTensor(new Shape(2, 4, 4, 2)), b = device.CreateTensor(new Shape(2, 4, 4, 2));
        Copy.Into(program, expected, a);
        Copy.Into(program, actual, b);
        program.Run();
        Assert.Equal(a.ToArray(), b.ToArray());
    }

    [Fact]
    public void Sigma_data_is_positive()
    {
        var network = new DdpmppNetwork(SamplerNetwork.Plain);
        using ParameterSlab weights = network.CreateSlab(TestDevices.Get("cpu"));
        foreach (float sigmaData in new[] { 0, -1, float.NaN, float.PositiveInfinity })
            Assert.Throws<ArgumentOutOfRangeException>(() => new TrigFlowModel(network, weights, sigmaData));
    }
}

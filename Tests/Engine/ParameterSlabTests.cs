using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class ParameterSlabTests
{
    private static readonly (string, Shape)[] Layout = [("conv.weight", new Shape(3, 1, 1, 7)), ("conv.bias", new Shape(3)), ("big", new Shape(65))];

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Views_lie_in_one_array_each_at_256_bytes(string deviceName)
    {
        using var slab = new ParameterSlab(TestDevices.Get(deviceName), Layout, withGradients: true);
        Assert.Equal(64 + 64 + 128, slab.Values.Count);
        Assert.Equal(21 + 3 + 65, slab.ParameterCount);
        Assert.Equal(["conv.weight", "conv.bias", "big"], slab.Parameters.Select(p => p.Name));
        Assert.Equal([0L, 256, 512], slab.Parameters.Select(p => p.Value.Place.Offset));

        slab["conv.bias"].Value.Upload<float>([1, 2, 3]);
        slab["conv.bias"].Gradient!.Upload<float>([4, 5, 6]);
        Assert.Equal([1f, 2, 3], slab.Values.ToArray()[64..67]);
        Assert.Equal([4f, 5, 6], slab.Gradients!.ToArray()[64..67]);
        Assert.Equal(6, slab.Values.ToArray().Sum()); // padding and the other parameters are zero
    }

    [Fact]
    public void Gradients_reach_the_views_through_a_tape()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var slab = new ParameterSlab(device, Layout, withGradients: true);
        var tape = new Tape();
        slab.WatchOn(tape);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        using Tensor dy = device.CreateTensor(new Shape(3), [1f, 2, 3]);
        tape.Seed(Residual.Apply(program, slab["conv.bias"].Value, slab["conv.bias"].Value, 1), dy);
        tape.Backward();
        program.Run();
        Assert.Equal([2f, 4, 6], slab["conv.bias"].Gradient!.ToArray());
        Assert.Equal(12, slab.Gradients!.ToArray().Sum());
    }

    [Fact]
    public void Without_gradients_it_is_half_the_size_and_cannot_be_trained()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        long before = device.AllocatedBytes;
        using (var slab = new ParameterSlab(device, Layout, withGradients: false))
        {
            Assert.Equal(before + (256 * sizeof(float)), device.AllocatedBytes);
            Assert.Null(slab.Gradients);
            Assert.Null(slab["big"].Gradient);
            Assert.Throws<InvalidOperationException>(() => slab.WatchOn(new Tape()));
        }

        Assert.Equal(before, device.AllocatedBytes);
    }

    [Fact]
    public void Names_are_unique_and_known()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Assert.Contains("big", Assert.Throws<ArgumentException>(() => new ParameterSlab(device, [.. Layout, ("big", new Shape(1))], false)).Message, StringComparison.Ordinal);
        using var slab = new ParameterSlab(device, Layout, withGradients: false);
        Assert.Contains("small", Assert.Throws<KeyNotFoundException>(() => slab["small"]).Message, StringComparison.Ordinal);
    }
}

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
        tape.Seed(ScaledAdd.Apply(program, slab["conv.bias"].Value, slab["conv.bias"].Value, 1), dy);
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

    private static readonly (string, Shape)[] Layers =
        [("a.weight", new Shape(2, 3)), ("a.bias", new Shape(2)), ("norm", new Shape(70)), ("b.weight", new Shape(5, 3)), ("b.bias", new Shape(5))];

    private static readonly JoinedParameters[] Joined = [new("weight", ["a.weight", "b.weight"]), new("bias", ["b.bias", "a.bias"])];

    [Fact]
    public void Joined_parameters_are_one_matrix_and_keep_their_names()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var slab = new ParameterSlab(device, Layers, withGradients: true, joined: Joined);
        Assert.Equal(["a.weight", "a.bias", "norm", "b.weight", "b.bias"], slab.Parameters.Select(parameter => parameter.Name));
        Assert.Equal((new Shape(7, 3), new Shape(7)), (slab["weight"].Value.Shape, slab["bias"].Value.Shape));
        foreach (Parameter parameter in slab.Parameters)
            parameter.Value.Upload<float>([.. Enumerable.Repeat((float)parameter.Name.Length + parameter.Value.Count, parameter.Value.Count)]);
        Assert.Equal([.. Enumerable.Repeat(14f, 6), .. Enumerable.Repeat(23f, 15)], slab["weight"].Value.ToArray());
        Assert.Equal([11f, 11, 11, 11, 11, 8, 8], slab["bias"].Value.ToArray());
        Assert.Equal(64 + 64 + 128, slab.Values.Count);
        Assert.All(slab.Parameters.Where(parameter => parameter.Name is "a.weight" or "b.bias" or "norm"), parameter => Assert.Equal(0, parameter.Value.Place.Offset % 256));
    }

    [Fact]
    public void The_gradient_of_joined_parameters_reaches_each()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var slab = new ParameterSlab(device, Layers, withGradients: true, joined: Joined);
        var tape = new Tape();
        slab.WatchOn(tape);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        using Tensor dy = device.CreateTensor(new Shape(7), [1f, 2, 3, 4, 5, 6, 7]);
        tape.Seed(ScaledAdd.Apply(program, slab["bias"].Value, slab["bias"].Value, 1), dy);
        tape.Backward();
        program.Run();
        Assert.Equal([2f, 4, 6, 8, 10], slab["b.bias"].Gradient!.ToArray());
        Assert.Equal([12f, 14], slab["a.bias"].Gradient!.ToArray());
    }

    [Fact]
    public void In_the_layouts_order_slabs_are_alike_whatever_is_joined()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using ParameterSlab plain = new(device, Layers, withGradients: false), slab = new(device, Layers, withGradients: false, joined: Joined);
        int next = 0;
        foreach (Parameter parameter in plain.Parameters)
        {
            float[] values = [.. Enumerable.Range(0, parameter.Value.Count).Select(_ => (float)++next)];
            parameter.Value.Upload<float>(values);
            slab[parameter.Name].Value.Upload<float>(values);
        }

        Assert.Equal(plain.Values.ToArray(), plain.ToLayoutOrder(plain.Values.ToArray()));
        Assert.Equal(plain.Values.ToArray(), slab.ToLayoutOrder(slab.Values.ToArray()));
        Assert.Equal(slab.Values.ToArray(), slab.FromLayoutOrder(plain.Values.ToArray()));
        Assert.NotEqual(plain.Values.Count, slab.Values.Count);
        Assert.Throws<ArgumentException>(() => slab.FromLayoutOrder(slab.Values.ToArray()));
        Assert.Throws<ArgumentException>(() => slab.ToLayoutOrder(plain.Values.ToArray()));
    }

    [Fact]
    public void Only_parameters_of_equal_extents_are_joined_and_only_once()
    {
        Refused("missing", new JoinedParameters("both", ["a.weight", "missing"]));
        Refused("joined twice", new JoinedParameters("both", ["a.weight", "b.weight"]), new JoinedParameters("again", ["b.weight"]));
        Refused("extents", new JoinedParameters("both", ["a.weight", "b.bias"]));
        Refused("norm", new JoinedParameters("norm", ["a.weight", "b.weight"]));

        static void Refused(string reason, params JoinedParameters[] joined) => Assert.Contains(
            reason,
            Assert.Throws<ArgumentException>(() => new ParameterSlab(TestDevices.Get("cpu"), Layers, withGradients: false, joined: joined)).Message,
            StringComparison.Ordinal);
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

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class NetworkSlabTests
{
    [Theory]
    [MemberData(nameof(TestDevices.Gpu), MemberType = typeof(TestDevices))]
    public void The_bf16_compute_weights_follow_the_master_weights(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        var network = new Scaled(own: null);
        using ParameterSlab slab = network.CreateSlab(device, activations: DType.BFloat16);
        slab["a"].Value.Upload<float>([.. Enumerable.Range(0, 15).Select(i => 1f + i * float.Pow(2, -9))]);
        slab["b"].Value.Upload<float>([.. Enumerable.Range(0, 7).Select(i => -i * 0.3f)]);

        network.RefreshComputeWeights(slab);

        foreach (Parameter parameter in slab.Parameters)
        {
            var rounded = new BFloat16[parameter.Value.Count];
            parameter.Compute!.Download<BFloat16>(rounded);
            Assert.Equal(parameter.Value.ToArray().Select(BFloat16.FromSingle), rounded);
            Assert.Same(parameter.Compute, slab.ValueFor(parameter.Name, DType.BFloat16));
            Assert.Same(parameter.Value, slab.ValueFor(parameter.Name, DType.Float32)); // fp32 activations take the master weights
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_network_of_its_own_compute_weights_never_multiplies_master_weights(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        var network = new Scaled(new Tripled());
        using ParameterSlab slab = network.CreateSlab(device), kept = network.CreateSlab(device, masterOnly: true);
        network.Initialise(slab, 1);
        Assert.All(slab.ValueFor("a", DType.Float32).ToArray(), value => Assert.Equal(6f, value));
        Assert.All(slab["a"].Value.ToArray(), value => Assert.Equal(2f, value));
        Assert.Throws<InvalidOperationException>(() => slab.ValueFor("a", DType.BFloat16));
        Assert.Null(kept.ComputeValues);
        Assert.Null(new Scaled(own: null).CreateSlab(device).ComputeValues);
    }

    [Fact]
    public void Weights_are_copied_by_name_and_what_is_missing_starts_anew()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        var network = new Scaled(new Tripled());
        using var other = new ParameterSlab(cpu, [("b", new Shape(7)), ("c", new Shape(2))], withGradients: false);
        using ParameterSlab slab = network.CreateSlab(cpu);
        other["b"].Value.Upload<float>([1, 2, 3, 4, 5, 6, 7]);
        network.CopyWeights(other, slab);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], slab["b"].Value.ToArray());
        Assert.All(slab["a"].Value.ToArray(), value => Assert.Equal(2f, value));
        Assert.Equal([3, 6, 9, 12, 15, 18, 21], slab.ValueFor("b", DType.Float32).ToArray());
    }

    [Fact]
    public void Initial_values_are_constant_uniform_or_normal()
    {
        Assert.All(InitialValues.Constant(0.5f).Draw(9, 1, 0), value => Assert.Equal(0.5f, value));
        Assert.All(default(InitialValues).Draw(9, 1, 0), value => Assert.Equal(0f, value));
        float[] normal = InitialValues.Normal(2).Draw(40_001, 3, 1);
        Assert.Equal(0, normal.Average(), 0.04);
        Assert.Equal(2, Math.Sqrt(normal.Average(value => (double)value * value)), 0.03);
        Assert.Equal(3 * 16, normal.Average(value => Math.Pow(value, 4)), 3.0); // no other distribution of this deviation
        double neighbours = normal.Zip(normal.Skip(1), (a, b) => (double)a * b).Average();
        Assert.Equal(0, neighbours, 0.08);
        Assert.Equal(normal[..1024], InitialValues.Normal(2).Draw(1024, 3, 1)); // whatever the length
        Assert.NotEqual(normal[..100], InitialValues.Normal(2).Draw(100, 3, 2));
    }

    private sealed class Scaled(IComputeWeights? own) : TestNetwork(
        new Shape(1, 1, 1, 5), 0, new ParameterSpec("a", new Shape(3, 5)) { Initial = InitialValues.Constant(2) }, new ParameterSpec("b", new Shape(7)))
    {
        public override IComputeWeights? ComputeWeights => own;

        protected override Tensor Record(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels) => throw new NotSupportedException();
    }

    /// <summary>Compute weights are three times the master weights, and so are gradients.</summary>
    private sealed class Tripled : IComputeWeights
    {
        public void Make(ComputeProgram program, ParameterSlab weights, bool force) => Triple(program, weights.Values, weights.ComputeValues!);

        public void Backward(ComputeProgram program, ParameterSlab weights) => Triple(program, weights.Gradients!, weights.Gradients!);

        private static void Triple(ComputeProgram program, Tensor from, Tensor to)
        {
            Tensor one = program.Constant(new Shape(1), 1);
            Combine.Into(program, from.Reshape(1, from.Count), one, 3, null, null, 0, to.Reshape(1, to.Count));
        }
    }
}

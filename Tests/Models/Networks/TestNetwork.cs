using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Tests.Models;

/// <summary>A network that a test writes as a function, whose embedding is the conditions themselves.</summary>
internal abstract class TestNetwork(Shape image, int labelCount, params IReadOnlyList<ParameterSpec> parameters) : INetwork
{
    public NetworkConfig Config { get; } = new TestConfig(image) { LabelCount = labelCount };

    public IReadOnlyList<ParameterSpec> Parameters => parameters;

    public virtual IComputeWeights? ComputeWeights => null;

    public virtual IReadOnlyList<Tensor> Condition(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions) =>
        conditions.Labels is { } labels ? [conditions.Times, labels] : [conditions.Times];

    public Tensor Forward(ComputeProgram program, ParameterSlab weights, Tensor x, IReadOnlyList<Tensor> condition, NetworkDropout? dropout = null) =>
        Record(program, weights, x, condition[0], condition.Count > 1 ? condition[1] : null);

    /// <summary>Records F of x, dual if x and t are.</summary>
    protected abstract Tensor Record(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels);

    private sealed record TestConfig(Shape Extents) : NetworkConfig
    {
        public override string Architecture => "test";

        public override Shape Image => Extents;

        public override INetwork Build() => throw new NotSupportedException("a test's network has no file");

        public override string ToJson() => $"{{\"architecture\":\"test\",\"image\":\"{Extents}\",\"labels\":{LabelCount}}}";
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// The smallest network that forces its weights and gives logvar: F = gain (N(A) x / sqrt(K)) + N(B) e(t) for images of one pixel, logvar = N(L) e(t),
/// with the embedding e of four channels.
/// </summary>
internal sealed class ForcedNetwork : INetwork, IComputeWeights
{
    public const int Channels = 5, Embedding = 4;
    public const float Scale = 0.4472136f;

    static ForcedNetwork() => NetworkRegistry.Add("forced", (_, _) => new ForcedConfig());

    public NetworkConfig Config { get; } = new ForcedConfig();

    public IReadOnlyList<ParameterSpec> Parameters { get; } =
    [
        new("gain", new Shape(1)) { FileShape = [] },
        new("a", new Shape(Channels, Channels)),
        new("b", new Shape(Channels, Embedding)),
        new("l", new Shape(1, Embedding)),
    ];

    public IComputeWeights ComputeWeights => this;

    /// <summary>The parts of parameters that begin at given places.</summary>
    public static WeightNormPart[] Parts(Func<string, int> start) =>
    [
        new(start("a"), Channels, Channels) { Scale = Scale, Gain = start("gain") },
        new(start("b"), Channels, Embedding),
        new(start("l"), 1, Embedding),
    ];

    public void Make(ComputeProgram program, ParameterSlab weights, bool force) =>
        WeightNorm.Make(program, weights.Values, weights.ComputeValues!, Parts(weights), force);

    public void Backward(ComputeProgram program, ParameterSlab weights) => WeightNorm.Backward(program, weights.Values, weights.Gradients!, Parts(weights));

    public IReadOnlyList<Tensor> Condition(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions) =>
        [Linear.Apply(program, Embed(program, conditions.Times), weights.ValueFor("b", DType.Float32), null)];

    public Tensor Forward(ComputeProgram program, ParameterSlab weights, Tensor x, IReadOnlyList<Tensor> condition, NetworkDropout? dropout = null)
    {
        Tensor y = Linear.Apply(program, x.Reshape(x.Shape.N, Channels), weights.ValueFor("a", DType.Float32), null);
        return ScaledAdd.Apply(program, y, condition[0], 1).Reshape(x.Shape.N, 1, 1, Channels);
    }

    public Tensor Logvar(ComputeProgram program, ParameterSlab weights, Tensor times) =>
        Linear.Apply(program, Embed(program, times), weights.ValueFor("l", DType.Float32), null).Reshape(times.Count);

    private static Tensor Embed(ComputeProgram program, Tensor t) => TimeEmbedding.Apply(program, t, Embedding, TimeEmbeddingKind.CosinesFirst);

    private static WeightNormPart[] Parts(ParameterSlab weights) => Parts(weights.StartOf);

    private sealed record ForcedConfig : NetworkConfig
    {
        public override string Architecture => "forced";

        public override Shape Image => new(1, 1, 1, Channels);

        public override INetwork Build() => new ForcedNetwork();

        public override string ToJson() => """{"architecture":"forced"}""";
    }
}

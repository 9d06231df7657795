using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// w_phi(t): the logarithm of the loss's weight as a linear function of a positional embedding of t, learned with the network
/// (arXiv:2410.11081, Algorithm 1). It starts at 0, and belongs to the training, not to the model: weight files do not hold it.
/// </summary>
public static class AdaptiveWeight
{
    private const string WeightName = "adaptive_weight.weight", BiasName = "adaptive_weight.bias";
    private const int Channels = 128;

    /// <summary>Names and shapes of phi, which stands behind the network's parameters in a slab.</summary>
    public static IReadOnlyList<(string Name, Shape Shape)> Layout { get; } =
        [(WeightName, new Shape(1, Channels)), (BiasName, new Shape(1))];

    /// <summary>Records w_phi(t) for times (N); returns (N).</summary>
    public static Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor t)
    {
        using IDisposable layer = program.Layer("adaptive_weight");
        Tensor embedding = TimeEmbedding.Apply(program, t, Channels);
        return Linear.Apply(program, embedding, weights[WeightName].Value, weights[BiasName].Value).Reshape(t.Shape.N);
    }
}

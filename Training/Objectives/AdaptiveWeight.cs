using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// Adaptive weight w_phi(t): the logarithm of the loss's weight, a linear function of a positional embedding of t that is learned with
/// the network (arXiv:2410.11081, Algorithm 1). It starts at 0. It is part of the training, not of the model: weight files do not hold it. For a network
/// with a logvar(t) of its own, whose files do hold it, it is w = -logvar.
/// </summary>
public static class AdaptiveWeight
{
    private const string WeightName = "adaptive_weight.weight", BiasName = "adaptive_weight.bias";
    private const int Channels = 128;

    /// <summary>Names and shapes of phi's parameters, which follow the network's in a slab.</summary>
    public static IReadOnlyList<(string Name, Shape Shape)> Layout { get; } =
        [(WeightName, new Shape(1, Channels)), (BiasName, new Shape(1))];

    /// <summary>Records w_phi(t) of a network and its weights.</summary>
    /// <exception cref="ArgumentException">The times are not (N) fp32.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks the parameters.</exception>
    public static Tensor Apply(ComputeProgram program, NetworkWeights of, Tensor t)
    {
        if (!of.Network.HasLogvar)
            return Apply(program, of.Weights, t);
        Tensor logvar = of.Network.Logvar(program, of.Weights, t);
        return ScaledAdd.Apply(program, logvar, logvar, -0.5f);
    }

    /// <summary>Records w_phi(t).</summary>
    /// <param name="program">Program that records the ops.</param>
    /// <param name="weights">Slab with the parameters of <see cref="Layout"/>.</param>
    /// <param name="t">Times (N), radians.</param>
    /// <returns>w_phi(t), (N) fp32.</returns>
    /// <exception cref="ArgumentException">The times are not (N) fp32.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks the parameters.</exception>
    public static Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor t)
    {
        using IDisposable layer = program.Layer("adaptive_weight");
        Tensor embedding = TimeEmbedding.Apply(program, t, Channels);
        return Linear.Apply(program, embedding, weights[WeightName].Value, weights[BiasName].Value).Reshape(t.Shape.N);
    }
}

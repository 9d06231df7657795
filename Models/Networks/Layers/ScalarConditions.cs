using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Named scalars that a network takes beside the time, such as a guidance scale (arXiv:2410.11081, appendix G.2): each passes the time's
/// positional embedding and a linear layer of its own, without bias, and is added to the time's embedding. The layers start at zero, so
/// a network that gains a condition computes the same as before.
/// </summary>
/// <param name="names">Names, as in <see cref="NetworkConfig.Conditions"/>; layers are called map_NAME.</param>
/// <param name="positions">Channels of a scalar's positional embedding.</param>
/// <param name="channels">Channels of the time's embedding, to which the layers add.</param>
/// <param name="kind">Order and size of the positional embedding's sines and cosines.</param>
public sealed class ScalarConditions(IReadOnlyList<string> names, int positions, int channels, TimeEmbeddingKind kind = TimeEmbeddingKind.SinesFirst)
{
    private readonly (string Name, LinearLayer Layer)[] layers =
    [
        .. names.Select(name => (
            name, new LinearLayer(LayerName(name), positions, channels) { HasBias = false, Initial = InitialValues.Zero, TakesMasterWeights = true })),
    ];

    /// <summary>A weight for each condition.</summary>
    /// <exception cref="ArgumentException">The number of channels is below 1.</exception>
    public IEnumerable<ParameterSpec> Parameters => layers.SelectMany(each => each.Layer.Parameters);

    /// <summary>Records the sum of the time's embedding and the embeddings of all scalars.</summary>
    /// <param name="program">Program that records the network.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="embedding">The time's embedding (N, channels).</param>
    /// <param name="conditions">Conditions with a scalar (N), dual or not, for each name.</param>
    /// <returns>(N, channels), dual if any of them is.</returns>
    /// <exception cref="ArgumentException">A scalar is missing or unknown, or is not (N) fp32.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of a layer.</exception>
    /// <exception cref="InvalidOperationException">The slab has no fp32 weights for products, or the program is compiled.</exception>
    public Tensor Add(ComputeProgram program, ParameterSlab weights, Tensor embedding, NetworkConditions conditions)
    {
        if (!conditions.Scalars.Keys.ToHashSet().SetEquals(names))
            throw new ArgumentException($"the network is conditioned on [{string.Join(", ", names)}], not on [{string.Join(", ", conditions.Scalars.Keys)}]");
        foreach ((string name, LinearLayer layer) in layers)
        {
            using IDisposable scope = program.Layer(LayerName(name));
            Tensor scalar = conditions.Scalars[name];
            if (scalar.Shape != conditions.Times.Shape)
                throw new ArgumentException($"{name}: {scalar} is not one number for each of {conditions.Times}");
            embedding = ScaledAdd.Apply(program, embedding, layer.Apply(program, weights, TimeEmbedding.Apply(program, scalar, positions, kind)), 1);
        }

        return embedding;
    }

    private static string LayerName(string name) => $"map_{name}";
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>What is done with the weights of any network, and its pass as a whole.</summary>
public static class NetworkSlab
{
    /// <summary>Trained numbers of a network.</summary>
    public static long ParameterCount(this INetwork network) => network.Parameters.Sum(parameter => parameter.Shape.Count);

    /// <summary>A slab for a network's parameters, zeroed.</summary>
    /// <param name="network">The network.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="withGradients">Whether it is trained.</param>
    /// <param name="activations">Storage type of activations, fp32 or bf16.</param>
    /// <param name="further">Parameters that are no part of the network, and follow its own.</param>
    /// <param name="masterOnly">Whether compute weights are left out, of weights that are only kept.</param>
    public static ParameterSlab CreateSlab(
        this INetwork network, ComputeDevice device, bool withGradients = false, DType activations = DType.Float32,
        IEnumerable<(string Name, Shape Shape)>? further = null, bool masterOnly = false)
    {
        bool own = network.ComputeWeights is not null && !masterOnly, rounded = activations != DType.Float32 && !masterOnly;
        return new ParameterSlab(
            device, [.. network.Parameters.Select(parameter => (parameter.Name, parameter.Shape)), .. further ?? []], withGradients,
            own || rounded ? activations : null, network.Joined, computeOnly: own);
    }

    /// <summary>Fills a slab with the network's initial values, the same on every device; the compute weights follow.</summary>
    /// <param name="network">The network.</param>
    /// <param name="weights">A slab of its parameters; others are left alone.</param>
    /// <param name="seed">Key of the draws.</param>
    public static void Initialise(this INetwork network, ParameterSlab weights, ulong seed)
    {
        for (int i = 0; i < network.Parameters.Count; i++)
        {
            ParameterSpec parameter = network.Parameters[i];
            weights[parameter.Name].Value.Upload<float>(parameter.Initial.Draw((int)parameter.Shape.Count, seed, i));
        }

        network.RefreshComputeWeights(weights);
    }

    /// <summary>Copies a network's parameters from one slab to another, by name; those that the source lacks get their initial values.</summary>
    /// <remarks>Waits for the device. The compute weights follow.</remarks>
    public static void CopyWeights(this INetwork network, ParameterSlab from, ParameterSlab to)
    {
        HashSet<string> known = [.. from.Parameters.Select(parameter => parameter.Name)];
        foreach (ParameterSpec parameter in network.Parameters)
            to[parameter.Name].Value.Upload<float>(known.Contains(parameter.Name) ? from[parameter.Name].Value.ToArray() : parameter.Initial.Draw((int)parameter.Shape.Count, 0, 0));
        network.RefreshComputeWeights(to);
    }

    /// <summary>Records the making of the compute weights; nothing where the slab has none.</summary>
    public static void MakeComputeWeights(this INetwork network, ComputeProgram program, ParameterSlab weights)
    {
        if (network.ComputeWeights is { } own)
            own.Make(program, weights);
        else if (weights.ComputeValues is { } rounded)
            Cast.Into(program, weights.Values, rounded);
    }

    /// <summary>Makes the compute weights follow the master weights, after these were loaded or set. Inside a program record <see cref="MakeComputeWeights"/>.</summary>
    public static void RefreshComputeWeights(this INetwork network, ParameterSlab weights)
    {
        using var program = new ComputeProgram(weights.Device);
        network.MakeComputeWeights(program, weights);
        program.Run();
    }

    /// <summary>Records F_theta(x, t), condition and all; parameters as of <see cref="INetwork.Condition"/> and <see cref="INetwork.Forward"/>.</summary>
    /// <returns>F (N, H, W, C), fp32; dual if x and the times are.</returns>
    /// <exception cref="ArgumentException">A shape does not fit the configuration.</exception>
    public static Tensor F(
        this INetwork network, ComputeProgram program, ParameterSlab weights, Tensor x, NetworkConditions conditions, NetworkDropout? dropout = null) =>
        network.Forward(program, weights, x, network.Condition(program, weights, conditions), dropout);
}

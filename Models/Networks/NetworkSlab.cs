using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>Operations on the weights of any network, and its whole pass.</summary>
public static class NetworkSlab
{
    /// <summary>Number of trained values of a network.</summary>
    public static long ParameterCount(this INetwork network) => network.Parameters.Sum(parameter => parameter.Shape.Count);

    /// <summary>Creates a zeroed slab for a network's parameters.</summary>
    /// <param name="network">The network.</param>
    /// <param name="device">Device of the slab.</param>
    /// <param name="withGradients">Whether to allocate gradients, for training.</param>
    /// <param name="activations">Storage type of activations, fp32 or bf16.</param>
    /// <param name="further">Parameters outside of the network, which follow its own.</param>
    /// <param name="masterOnly">Whether to leave out the compute weights, for weights that no product takes.</param>
    /// <exception cref="ArgumentException">A name occurs twice, or the network's joined parameters do not fit together.</exception>
    public static ParameterSlab CreateSlab(
        this INetwork network, ComputeDevice device, bool withGradients = false, DType activations = DType.Float32,
        IEnumerable<(string Name, Shape Shape)>? further = null, bool masterOnly = false)
    {
        bool own = network.ComputeWeights is not null && !masterOnly, rounded = activations != DType.Float32 && !masterOnly;
        return new ParameterSlab(
            device, [.. network.Parameters.Select(parameter => (parameter.Name, parameter.Shape)), .. further ?? []], withGradients,
            own || rounded ? activations : null, network.Joined, computeOnly: own);
    }

    /// <summary>Fills a slab with the network's initial values, the same on every device, and makes its compute weights.</summary>
    /// <param name="network">The network.</param>
    /// <param name="weights">A slab of the network's parameters; others in it stay as they are.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the network.</exception>
    public static void Initialise(this INetwork network, ParameterSlab weights, ulong seed)
    {
        for (int i = 0; i < network.Parameters.Count; i++)
        {
            ParameterSpec parameter = network.Parameters[i];
            weights[parameter.Name].Value.Upload<float>(parameter.Initial.Draw((int)parameter.Shape.Count, seed, i));
        }

        network.RefreshComputeWeights(weights);
    }

    /// <summary>Gives the parameters that only a loss depends on (<see cref="ParameterSpec.IsOfLoss"/>) their initial values, for a student with a teacher's weights.</summary>
    /// <param name="network">The network.</param>
    /// <param name="weights">A slab of the network's parameters; others in it stay as they are.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the network.</exception>
    public static void InitialiseLoss(this INetwork network, ParameterSlab weights, ulong seed)
    {
        foreach ((int i, ParameterSpec parameter) in network.Parameters.Index())
            if (parameter.IsOfLoss)
                weights[parameter.Name].Value.Upload<float>(parameter.Initial.Draw((int)parameter.Shape.Count, seed, i));
    }

    /// <summary>Copies a network's parameters from one slab to another by name; those that the source lacks get their initial values.</summary>
    /// <remarks>Waits for the device. Makes the compute weights of the target.</remarks>
    /// <exception cref="ArgumentException">A parameter has different numbers of elements in the slabs.</exception>
    /// <exception cref="KeyNotFoundException">The target lacks a parameter of the network.</exception>
    public static void CopyWeights(this INetwork network, ParameterSlab from, ParameterSlab to)
    {
        HashSet<string> known = [.. from.Parameters.Select(parameter => parameter.Name)];
        foreach ((int index, ParameterSpec parameter) in network.Parameters.Index())
        {
            to[parameter.Name].Value.Upload<float>(
                known.Contains(parameter.Name) ? from[parameter.Name].Value.ToArray() : parameter.Initial.Draw((int)parameter.Shape.Count, seed: 0, index));
        }

        network.RefreshComputeWeights(to);
    }

    /// <summary>Records the step that makes the compute weights; none if the slab has no compute weights.</summary>
    /// <param name="network">The network.</param>
    /// <param name="program">Program that records the step.</param>
    /// <param name="weights">A slab of the network's parameters.</param>
    /// <param name="force">Whether a rule that constrains master weights overwrites them first, see <see cref="IComputeWeights.Make"/>.</param>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void MakeComputeWeights(this INetwork network, ComputeProgram program, ParameterSlab weights, bool force = false)
    {
        if (network.ComputeWeights is { } own && weights.ComputeValues is not null)
            own.Make(program, weights, force);
        else if (weights.ComputeValues is { } rounded)
            Cast.Into(program, weights.Values, rounded);
    }

    /// <summary>Makes the compute weights after the master weights were set. In a program, record <see cref="MakeComputeWeights"/> instead.</summary>
    /// <param name="network">The network.</param>
    /// <param name="weights">A slab of the network's parameters.</param>
    /// <param name="force">As for <see cref="MakeComputeWeights"/>.</param>
    public static void RefreshComputeWeights(this INetwork network, ParameterSlab weights, bool force = false)
    {
        using var program = new ComputeProgram(weights.Device);
        network.MakeComputeWeights(program, weights, force);
        program.Run();
    }

    /// <summary>Records F_theta(x, t) as a whole; see <see cref="INetwork.Condition"/> and <see cref="INetwork.Forward"/> for the parameters.</summary>
    /// <returns>F (N, H, W, C), fp32; dual if x and the times are.</returns>
    /// <exception cref="ArgumentException">A shape or a condition does not fit the configuration.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the network.</exception>
    /// <exception cref="InvalidOperationException">The slab lacks weights of the type that a layer multiplies, or the program is compiled.</exception>
    public static Tensor F(
        this INetwork network, ComputeProgram program, ParameterSlab weights, Tensor x, NetworkConditions conditions, NetworkDropout? dropout = null) =>
        network.Forward(program, weights, x, network.Condition(program, weights, conditions), dropout);
}

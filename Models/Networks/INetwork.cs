using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// An architecture F_theta(x, t): what its parameters are, and how it is recorded. Weights are given to each call, so teacher, student and
/// average are slabs of one network.
/// </summary>
/// <remarks>
/// The pass is split in two: <see cref="Condition"/> records what depends on time, class and named scalars alone, for any number of rows at
/// once, so that a sampler does it once for all its evaluations; <see cref="Forward"/> records the rest.
/// </remarks>
public interface INetwork
{
    /// <summary>Shape of images, classes, named scalar conditions, and everything else that decides which parameters there are.</summary>
    NetworkConfig Config { get; }

    /// <summary>All parameters, in the order of files.</summary>
    IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>Parameters that lie together in a slab, so that one product serves all of them; none by default.</summary>
    IReadOnlyList<JoinedParameters> Joined => [];

    /// <summary>
    /// How compute weights are made of the master weights; null where they are the master weights themselves in fp32 and their bf16 copy in bf16,
    /// which the optimizer writes in its own pass.
    /// </summary>
    IComputeWeights? ComputeWeights => null;

    /// <summary>Records what depends on the conditions alone.</summary>
    /// <param name="program">Program that records the network.</param>
    /// <param name="weights">A slab of this network's parameters; further parameters may follow in it.</param>
    /// <param name="conditions">Times and what else there is, a row for each image.</param>
    /// <returns>
    /// Tensors whose first axis are the rows of the conditions, independent of each other; dual where the conditions are.
    /// </returns>
    /// <exception cref="ArgumentException">The conditions are not those of the configuration, or the weights' type needs another device.</exception>
    IReadOnlyList<Tensor> Condition(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions);

    /// <summary>Records F. With x and the condition dual the output is dual: F and its derivative along the tangents in one pass.</summary>
    /// <param name="program">Program that records the network.</param>
    /// <param name="weights">As of <see cref="Condition"/>; gradients flow to it if the program's tape watches it. Its compute type is that of activations.</param>
    /// <param name="x">(N, H, W, C), fp32, of about unit variance: x_t / sigma_data.</param>
    /// <param name="condition">What <see cref="Condition"/> returned for the N images, or the rows of it that are theirs.</param>
    /// <param name="dropout">The dropout, in training; null for none.</param>
    /// <returns>F (N, H, W, C), fp32.</returns>
    /// <exception cref="ArgumentException">x does not have the images' shape.</exception>
    Tensor Forward(ComputeProgram program, ParameterSlab weights, Tensor x, IReadOnlyList<Tensor> condition, NetworkDropout? dropout = null);
}

/// <summary>What a network is conditioned on, a row for each image.</summary>
/// <param name="Times">t (N), radians in [0, pi/2], fp32; dual where a derivative is wanted.</param>
/// <param name="Labels">Class of each image, Int32 (N), -1 for none; null exactly where the network has no classes. Its tangent is zero.</param>
public sealed record NetworkConditions(Tensor Times, Tensor? Labels = null)
{
    private static readonly Dictionary<string, Tensor> None = [];

    /// <summary>
    /// The network's named scalar conditions (<see cref="NetworkConfig.Conditions"/>), each (N), fp32. One that is not dual has a zero tangent.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Scalars { get; init; } = None;
}

/// <summary>Dropout in a training pass.</summary>
/// <param name="Source">Source of the masks: the i-th place that drops draws with the source's purpose plus i.</param>
/// <param name="Rate">Probability in [0, 1) that a value is dropped.</param>
public sealed record NetworkDropout(RandomSource Source, float Rate);

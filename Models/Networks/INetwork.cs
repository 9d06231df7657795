using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// An architecture F_theta(x, t): its parameters and how it is recorded. Every call takes the weights, so teacher, student and
/// average are slabs of one network.
/// </summary>
/// <remarks>
/// The pass has two parts: <see cref="Condition"/> records the layers that depend on time, class and named scalars alone, for any number of rows at
/// once, so that a sampler records them once for all its evaluations; <see cref="Forward"/> records the rest.
/// </remarks>
public interface INetwork
{
    /// <summary>Image shape, classes, named scalar conditions, and everything else that decides which parameters there are.</summary>
    NetworkConfig Config { get; }

    /// <summary>All parameters, in the order of files.</summary>
    IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>Parameters that must be adjacent in a slab, so that one product serves all of them; none by default.</summary>
    IReadOnlyList<JoinedParameters> Joined => [];

    /// <summary>
    /// Rule that makes the compute weights; null if they are the master weights themselves in fp32 and their bf16 copy in bf16,
    /// which the optimizer writes in its own pass.
    /// </summary>
    IComputeWeights? ComputeWeights => null;

    /// <summary>Records the layers that depend on the conditions alone.</summary>
    /// <param name="program">Program that records the network.</param>
    /// <param name="weights">A slab of this network's parameters; further parameters may follow in it.</param>
    /// <param name="conditions">Times, labels and scalars, a row for each image.</param>
    /// <returns>
    /// Tensors with the rows of the conditions as their first axis, independent of each other; dual if the conditions are.
    /// </returns>
    /// <exception cref="ArgumentException">The conditions are not those of the configuration, or the weights' type needs another device.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the network.</exception>
    /// <exception cref="InvalidOperationException">The slab lacks weights of the type that a layer multiplies, or the program is compiled.</exception>
    IReadOnlyList<Tensor> Condition(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions);

    /// <summary>Records F. If x and the condition are dual, so is the output: F and its derivative along the tangents in one pass.</summary>
    /// <param name="program">Program that records the network.</param>
    /// <param name="weights">As for <see cref="Condition"/>; gradients flow to it if the program's tape watches it. Its compute type is that of activations.</param>
    /// <param name="x">(N, H, W, C), fp32, of about unit variance: x_t / sigma_data.</param>
    /// <param name="condition">The result of <see cref="Condition"/> for the N images, or the rows of it that are theirs.</param>
    /// <param name="dropout">Dropout in training; null for none.</param>
    /// <returns>F (N, H, W, C), fp32.</returns>
    /// <exception cref="ArgumentException">x does not have the images' shape, or the condition does not fit x.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the network.</exception>
    /// <exception cref="InvalidOperationException">The slab lacks weights of the type that a layer multiplies, or the program is compiled.</exception>
    Tensor Forward(ComputeProgram program, ParameterSlab weights, Tensor x, IReadOnlyList<Tensor> condition, NetworkDropout? dropout = null);

    /// <summary>
    /// Whether the network's files hold the layer of <see cref="Logvar"/>; otherwise a training that needs it has a layer of its own.
    /// </summary>
    bool HasLogvar => false;

    /// <summary>Records logvar(t), the logarithm of the loss's expected size, of a network that has it.</summary>
    /// <param name="program">Program that records the layer.</param>
    /// <param name="weights">As for <see cref="Condition"/>.</param>
    /// <param name="times">t (N), radians, fp32, without tangent.</param>
    /// <returns>logvar (N), fp32, differentiable with respect to the weights.</returns>
    /// <exception cref="ArgumentException">The times are not (N) fp32.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the layer.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    /// <exception cref="NotSupportedException">The network has none, see <see cref="HasLogvar"/>.</exception>
    Tensor Logvar(ComputeProgram program, ParameterSlab weights, Tensor times) => throw new NotSupportedException($"a network of {Config.Architecture} has no logvar");
}

/// <summary>Conditions of a network, a row for each image.</summary>
/// <param name="Times">t (N), radians in [0, pi/2], fp32; dual for a derivative along the tangent.</param>
/// <param name="Labels">Class of each image, Int32 (N), -1 for none; null if and only if the network has no classes. Their tangent is zero.</param>
public sealed record NetworkConditions(Tensor Times, Tensor? Labels = null)
{
    private static readonly Dictionary<string, Tensor> None = [];

    /// <summary>
    /// Named scalar conditions of the network (<see cref="NetworkConfig.Conditions"/>), each (N), fp32. One that is not dual has a zero tangent.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Scalars { get; init; } = None;
}

/// <summary>Dropout in a training pass.</summary>
/// <param name="Source">Source of the masks: the i-th dropout of the network draws with the source's purpose plus i.</param>
/// <param name="Rate">Probability in [0, 1) that a value is dropped.</param>
public sealed record NetworkDropout(RandomSource Source, float Rate)
{
    /// <summary>Largest resolution of a block's output, in pixels, at which the block has dropout; null for all blocks.</summary>
    public int? MaxResolution { get; init; }

    /// <summary>Returns the i-th dropout of the network, which draws with a purpose of its own whether or not others are active.</summary>
    /// <param name="index">Place of the dropout in the network, from 0.</param>
    public NetworkDropout ForLayer(int index) => this with { Source = Source.For(Source.Purpose + (uint)index) };

    /// <summary>Returns this for a block whose output has a resolution, or null if the block has none.</summary>
    /// <param name="resolution">Height and width of the block's output, in pixels.</param>
    public NetworkDropout? At(int resolution) => resolution <= (MaxResolution ?? int.MaxValue) ? this : null;
}

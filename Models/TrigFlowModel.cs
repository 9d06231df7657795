using System.Collections.Immutable;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// A network, its weights and the data's deviation: the TrigFlow parameterisation (arXiv:2410.11081, section 3.1).
/// x_t = cos(t) x_0 + sin(t) z with z ~ N(0, sigma_data^2); F = F_theta(x_t / sigma_data, t); the probability-flow ODE is
/// dx_t/dt = sigma_data F (eq. 4); the denoiser of a diffusion model, and the output of a consistency model, is
/// f(x_t, t) = cos(t) x_t - sin(t) sigma_data F (eq. 5), so that f(x, 0) = x.
/// </summary>
/// <remarks>
/// Recording and running programs leave a model as it is, so that samplers and programs of several threads may share it while nobody writes its weights.
/// </remarks>
/// <param name="network">The architecture.</param>
/// <param name="weights">A slab of all its parameters; the model disposes of it.</param>
/// <param name="sigmaData">Standard deviation of the data, over all pixels and channels, in the data's unit; positive.</param>
/// <param name="kind">Kind of the model, which decides how to sample from it.</param>
/// <exception cref="ArgumentOutOfRangeException">sigma_data is not positive and finite.</exception>
public sealed class TrigFlowModel(INetwork network, ParameterSlab weights, float sigmaData, ModelKind kind = ModelKind.Diffusion) : IDisposable
{
    /// <summary>The architecture.</summary>
    public INetwork Network { get; } = network;

    /// <summary>The weights.</summary>
    public ParameterSlab Weights { get; } = weights;

    /// <summary>Storage type of activations: that of the compute weights.</summary>
    public DType ActivationType => Weights.ComputeType;

    /// <summary>Standard deviation of the data, in the data's unit.</summary>
    public float SigmaData { get; } = float.IsFinite(sigmaData) && sigmaData > 0
        ? sigmaData
        : throw new ArgumentOutOfRangeException(nameof(sigmaData), sigmaData, "sigma_data is positive");

    /// <summary>Kind of the model.</summary>
    public ModelKind Kind { get; } = kind;

    /// <summary>Names of the classes in the order of their numbers; empty if they have none.</summary>
    public ImmutableArray<string> ClassNames
    {
        get;
        init => field = value.IsDefault ? [] : value;
    } = [];

    /// <summary>The space of the latents that the model draws; null if it draws pixels.</summary>
    public LatentSpace? Latents { get; init; }

    /// <summary>Guidance scales of the training of a network that takes the scale as an input; null for another network, or if they are not known.</summary>
    public GuidanceRange? GuidanceRange { get; init; }

    /// <summary>What the model's weight file says beside the network.</summary>
    public WeightDescription Description => new(SigmaData, Kind) { ClassNames = ClassNames, Latents = Latents, GuidanceRange = GuidanceRange };

    /// <summary>Whether the network takes a guidance scale as an input (<see cref="NetworkConfig.Guidance"/>), which sampling may then choose.</summary>
    public bool TakesGuidance => Network.Config.Conditions.Contains(NetworkConfig.Guidance);

    /// <summary>Reads a model from a weight file, to run in a precision.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="device">Device of the weights.</param>
    /// <param name="precision">Precision of the network.</param>
    /// <param name="fallback">Network of a file without a configuration, see <see cref="WeightFile.Load"/>; null if there must be one.</param>
    /// <exception cref="InvalidFileException">As for <see cref="WeightFile.Load"/>.</exception>
    /// <exception cref="ArgumentException">The path is empty, or the device has no kernels for the precision.</exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public static TrigFlowModel Load(string path, ComputeDevice device, Precision precision = Precision.Auto, NetworkConfig? fallback = null) =>
        Of(WeightFile.Load(path, device, precision.ActivationsOn(device), fallback));

    /// <summary>Makes a model of a file's weights, which it disposes of.</summary>
    public static TrigFlowModel Of(LoadedWeights loaded)
    {
        ArgumentNullException.ThrowIfNull(loaded);
        WeightDescription description = loaded.Description;
        return new TrigFlowModel(loaded.Network, loaded.Weights, description.SigmaData, description.Kind)
        {
            ClassNames = description.ClassNames,
            Latents = description.Latents,
            GuidanceRange = description.GuidanceRange,
        };
    }

    /// <summary>Writes the model to a weight file, whole or not at all: on failure the old file stays.</summary>
    /// <exception cref="ArgumentException">The path is empty or names no file, or the names of the classes break the rules of <see cref="Models.ClassNames"/>.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public void Save(string path) => WeightFile.Save(path, Network, Weights, Description);

    /// <summary>Records F_theta(x_t / sigma_data, t).</summary>
    /// <param name="program">Program that records the network.</param>
    /// <param name="xt">Noisy images (N, H, W, C) in the data's unit.</param>
    /// <param name="conditions">Times, labels and scalars; dual if and only if xt is.</param>
    /// <param name="dropout">Dropout in training; null for none.</param>
    /// <returns>(N, H, W, C), dual if xt and the times are.</returns>
    /// <exception cref="ArgumentException">A shape or a condition does not fit the network.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public Tensor F(ComputeProgram program, Tensor xt, NetworkConditions conditions, NetworkDropout? dropout = null) =>
        Network.F(program, Weights, Scale(program, xt, 1 / SigmaData), conditions, dropout);

    /// <summary>Records dx_t/dt = sigma_data F, in the data's unit per radian; parameters and result as for <see cref="F"/>.</summary>
    /// <exception cref="ArgumentException">A shape or a condition does not fit the network.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public Tensor Velocity(ComputeProgram program, Tensor xt, NetworkConditions conditions, NetworkDropout? dropout = null) =>
        Scale(program, F(program, xt, conditions, dropout), SigmaData);

    /// <summary>
    /// Records f(x_t, t) = cos(t) x_t - sin(t) sigma_data F, in the data's unit; parameters as for <see cref="F"/>, without tangents. The result is a
    /// constant to the tape.
    /// </summary>
    /// <exception cref="ArgumentException">A shape or a condition does not fit the network, or carries a tangent.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public Tensor Denoise(ComputeProgram program, Tensor xt, NetworkConditions conditions)
    {
        Tensor f = F(program, xt, conditions);
        (Tensor cos, Tensor sin, _) = SinCos.Apply(program, conditions.Times);
        Tensor denoised = program.Allocate(f.Shape);
        Combine.Into(program, xt, cos, 1, f, sin, -SigmaData, denoised);
        return denoised;
    }

    /// <summary>Releases the weights.</summary>
    public void Dispose() => Weights.Dispose();

    /// <summary>Records factor x as (x + x) factor / 2, which is exact, takes dual tensors and is differentiated by the tape.</summary>
    private static Tensor Scale(ComputeProgram program, Tensor x, float factor) => ScaledAdd.Apply(program, x, x, factor / 2);
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// A network, its weights and the data's deviation: the TrigFlow parameterisation (arXiv:2410.11081, section 3.1).
/// x_t = cos(t) x_0 + sin(t) z with z ~ N(0, sigma_data^2); F = F_theta(x_t / sigma_data, t); the probability-flow ODE is
/// dx_t/dt = sigma_data F (eq. 4); the denoiser of a diffusion model, and the output of a consistency model, is
/// f(x_t, t) = cos(t) x_t - sin(t) sigma_data F (eq. 5), so that f(x, 0) = x.
/// </summary>
/// <param name="network">The architecture.</param>
/// <param name="weights">Its weights; the model disposes of them.</param>
/// <param name="sigmaData">Standard deviation of the data, over all pixels and channels; positive.</param>
/// <param name="kind">What the network was trained to be, which decides how to sample from it.</param>
public sealed class TrigFlowModel(UNet network, ParameterSlab weights, float sigmaData, ModelKind kind = ModelKind.Diffusion) : IDisposable
{
    /// <summary>The architecture.</summary>
    public UNet Network { get; } = network;

    /// <summary>The weights.</summary>
    public ParameterSlab Weights { get; } = weights;

    /// <summary>How activations are stored: in bf16 exactly if the weights have a bf16 copy.</summary>
    public DType Storage { get; } = weights.Rounded is null ? DType.Float32 : DType.BFloat16;

    /// <summary>Standard deviation of the data.</summary>
    public float SigmaData { get; } = float.IsFinite(sigmaData) && sigmaData > 0
        ? sigmaData
        : throw new ArgumentOutOfRangeException(nameof(sigmaData), sigmaData, "sigma_data is positive");

    /// <summary>What the network was trained to be.</summary>
    public ModelKind Kind { get; } = kind;

    /// <summary>Reads a model from a weight file, to run in a precision.</summary>
    /// <exception cref="InvalidFileException">The file is not a weight file of a DDPM++ network, see <see cref="WeightFile"/>.</exception>
    /// <exception cref="ArgumentException">The device has no kernels for the precision.</exception>
    public static TrigFlowModel Load(string path, ComputeDevice device, Precision precision = Precision.Auto) =>
        WeightFile.Load(path, device, precision);

    /// <summary>Writes the model to a weight file, whole or not at all.</summary>
    public void Save(string path) => WeightFile.Save(path, this);

    /// <summary>Records F_theta(x_t / sigma_data, t).</summary>
    /// <param name="program">Program that records the network.</param>
    /// <param name="xt">Noisy images (N, H, W, C) in the data's unit.</param>
    /// <param name="t">Time (N), in [0, pi/2]; dual exactly if xt is.</param>
    /// <param name="labels">Int32 (N), -1 for no class; given exactly if the network has classes.</param>
    /// <param name="dropout">Source of the dropout masks in training.</param>
    /// <returns>(N, H, W, C), dual if xt and t are.</returns>
    public Tensor F(ComputeProgram program, Tensor xt, Tensor t, Tensor? labels = null, RandomSource? dropout = null) =>
        Network.Forward(program, Weights, Scale(program, xt, 1 / SigmaData), t, labels, dropout);

    /// <summary>Records dx_t/dt = sigma_data F; parameters and result as of <see cref="F"/>.</summary>
    public Tensor Velocity(ComputeProgram program, Tensor xt, Tensor t, Tensor? labels = null, RandomSource? dropout = null) =>
        Scale(program, F(program, xt, t, labels, dropout), SigmaData);

    /// <summary>
    /// Records f(x_t, t) = cos(t) x_t - sin(t) sigma_data F; parameters as of <see cref="F"/>, without tangents. A constant to the tape.
    /// </summary>
    public Tensor Denoise(ComputeProgram program, Tensor xt, Tensor t, Tensor? labels = null)
    {
        Tensor f = F(program, xt, t, labels);
        (Tensor cos, Tensor sin, _) = SinCos.Apply(program, t);
        Tensor denoised = program.Allocate(f.Shape);
        Combine.Into(program, xt, cos, 1, f, sin, -SigmaData, denoised);
        return denoised;
    }

    /// <summary>Releases the weights.</summary>
    public void Dispose() => Weights.Dispose();

    /// <summary>factor x as (x + x) factor / 2, which is exact, takes dual tensors and stands on the tape.</summary>
    private static Tensor Scale(ComputeProgram program, Tensor x, float factor) => Residual.Apply(program, x, x, factor / 2);
}

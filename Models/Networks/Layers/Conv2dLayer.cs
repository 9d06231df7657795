using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>A 3x3 convolution. Starts Xavier uniform times <paramref name="gain"/> unless another start is given; its bias, if it has one, starts at zero.</summary>
/// <param name="name">Name in files, such as enc.32x32_block0.conv0.</param>
/// <param name="inChannels">Channels of the input.</param>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="gain">Factor of the weight's initial bound.</param>
public sealed class Conv2dLayer(string name, int inChannels, int outChannels, float gain = 1)
{
    private const int Taps = 9;

    /// <summary>Whether a bias is added.</summary>
    public bool HasBias { get; init; } = true;

    /// <summary>How the weight starts.</summary>
    public InitialValues Initial { get; init; } = InitialValues.Xavier(Taps * inChannels, Taps * outChannels, gain);

    /// <summary>Weight, and bias if there is one.</summary>
    public IEnumerable<ParameterSpec> Parameters
    {
        get
        {
            yield return new($"{name}.weight", new Shape(outChannels, 3, 3, inChannels)) { Initial = Initial };
            if (HasBias)
                yield return new($"{name}.bias", new Shape(outChannels));
        }
    }

    /// <summary>Multiplications, each with its addition, for an output of so many pixels.</summary>
    public long MultiplyAdds(long pixels) => pixels * Taps * inChannels * outChannels;

    /// <summary>Whether the layer on x adds a shortcut on the way.</summary>
    public bool TakesShortcut(ComputeDevice device, Tensor x, Shortcut shortcut) => Conv2d.TakesShortcut(device, x, outChannels, shortcut);

    /// <summary>(N, H, W, C) to (N, H, W, K), the weight in the storage type of x.</summary>
    /// <param name="program">Program that records the layer.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="x">Input.</param>
    /// <param name="residual">What is added to the output, or null; the sum is multiplied by the scale.</param>
    /// <param name="scale">1 without a residual or a shortcut.</param>
    /// <param name="shortcut">What is added in place of a residual, or null; only where <see cref="TakesShortcut"/>.</param>
    public Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor? residual = null, float scale = 1, Shortcut? shortcut = null)
    {
        using IDisposable scope = program.Layer(name[(name.LastIndexOf('.') + 1)..]);
        Tensor? bias = HasBias ? weights[$"{name}.bias"].Value : null;
        return Conv2d.Apply(program, x, weights.ValueFor($"{name}.weight", x.Type), bias, residual, scale, shortcut);
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>A 3x3 convolution. The weight starts Xavier uniform times <paramref name="gain"/> unless <see cref="Initial"/> is set, the bias at zero.</summary>
/// <param name="name">Name in files, such as enc.32x32_block0.conv0.</param>
/// <param name="inChannels">Channels of the input.</param>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="gain">Factor of the weight's initial bound.</param>
public sealed class Conv2dLayer(string name, int inChannels, int outChannels, float gain = 1)
{
    private const int Taps = 9;

    /// <summary>Name in files.</summary>
    public string Name => name;

    /// <summary>Whether a bias is added.</summary>
    public bool HasBias { get; init; } = true;

    /// <summary>Initial values of the weight.</summary>
    public InitialValues Initial { get; init; } = InitialValues.Xavier(Taps * inChannels, Taps * outChannels, gain);

    /// <summary>Weight, and bias if there is one.</summary>
    /// <exception cref="ArgumentException">A number of channels is below 1.</exception>
    public IEnumerable<ParameterSpec> Parameters
    {
        get
        {
            yield return new($"{name}.weight", new Shape(outChannels, 3, 3, inChannels)) { Initial = Initial };
            if (HasBias)
                yield return new($"{name}.bias", new Shape(outChannels));
        }
    }

    /// <summary>Whether the layer on x can add a projection shortcut in its own pass.</summary>
    public bool TakesShortcut(ComputeDevice device, Tensor x, ProjectionShortcut shortcut) => Conv2d.TakesShortcut(device, x, outChannels, shortcut);

    /// <summary>Records the layer: (N, H, W, C) to (N, H, W, K), with the weight in the storage type of x.</summary>
    /// <param name="program">Program that records the layer.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="x">Input (N, H, W, C).</param>
    /// <param name="residual">A tensor (N, H, W, K) that is added to the output, or null.</param>
    /// <param name="scale">Factor of the sum; 1 without a residual or a shortcut.</param>
    /// <param name="shortcut">A projection shortcut that is added in place of a residual, or null; only if <see cref="TakesShortcut"/>.</param>
    /// <exception cref="ArgumentException">A shape or a type does not fit.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the layer.</exception>
    /// <exception cref="InvalidOperationException">The slab has no weights of the type of x, or the program is compiled.</exception>
    public Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor? residual = null, float scale = 1, ProjectionShortcut? shortcut = null)
    {
        using IDisposable scope = program.Layer(name[(name.LastIndexOf('.') + 1)..]);
        Tensor? bias = HasBias ? weights[$"{name}.bias"].Value : null;
        return Conv2d.Apply(program, x, weights.ValueFor($"{name}.weight", x.Type), bias, residual, scale, shortcut);
    }
}

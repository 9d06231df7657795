using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>A 3x3 convolution with bias. Starts Xavier uniform times <paramref name="gain"/>, bias zero.</summary>
internal sealed class Conv2dLayer(string name, int inChannels, int outChannels, float gain = 1)
{
    private const int Taps = 9;

    public IEnumerable<ParameterSpec> Parameters =>
    [
        new($"{name}.weight", new Shape(outChannels, 3, 3, inChannels))
        {
            FileShape = [outChannels, inChannels, 3, 3],
            Bound = gain * LinearLayer.XavierBound(Taps * inChannels, Taps * outChannels),
        },
        new($"{name}.bias", new Shape(outChannels)) { FileShape = [outChannels] },
    ];

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
        return Conv2d.Apply(program, x, weights.Factor($"{name}.weight", x.Type), weights[$"{name}.bias"].Value, residual, scale, shortcut);
    }
}

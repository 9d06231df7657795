using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>The decoder's residual block: shortcut(x) + conv2(SiLU(norm2(conv1(SiLU(norm1(x)))))), with a 1x1 convolution as shortcut where channels change.</summary>
internal sealed class DecoderBlock
{
    /// <summary>Groups of every norm.</summary>
    public const int Groups = 32;

    private readonly NormLayer norm1, norm2;
    private readonly Conv2dLayer conv1, conv2;
    private readonly LinearLayer? shortcut;

    /// <param name="name">Name in files, such as decoder.mid_block.resnets.0.</param>
    /// <param name="inChannels">Channels of x.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <exception cref="ArgumentException">The norms' groups do not divide the channels.</exception>
    public DecoderBlock(string name, int inChannels, int outChannels)
    {
        norm1 = new NormLayer($"{name}.norm1", inChannels, Groups);
        conv1 = new Conv2dLayer($"{name}.conv1", inChannels, outChannels);
        norm2 = new NormLayer($"{name}.norm2", outChannels, Groups);
        conv2 = new Conv2dLayer($"{name}.conv2", outChannels, outChannels);
        shortcut = inChannels == outChannels ? null : new LinearLayer($"{name}.conv_shortcut", inChannels, outChannels) { IsConvolution = true };
    }

    public IEnumerable<ParameterSpec> Parameters =>
        [.. norm1.Parameters, .. conv1.Parameters, .. norm2.Parameters, .. conv2.Parameters, .. shortcut?.Parameters ?? []];

    /// <summary>Records the block: (N, H, W, C) to (N, H, W, K).</summary>
    public Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor x)
    {
        Tensor h = conv1.Apply(program, weights, norm1.Apply(program, weights, x, silu: true));
        h = norm2.Apply(program, weights, h, silu: true);
        if (shortcut is null)
            return conv2.Apply(program, weights, h, x);
        ProjectionShortcut projection = shortcut.AsShortcut(weights, x, xSkip: null);
        return conv2.TakesShortcut(program.Device, h, projection)
            ? conv2.Apply(program, weights, h, shortcut: projection)
            : conv2.Apply(program, weights, h, shortcut.Apply(program, weights, x));
    }
}

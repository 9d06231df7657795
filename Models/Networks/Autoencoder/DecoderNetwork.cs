using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// The layers of the decoder of a latent diffusion autoencoder (arXiv:2112.10752), under the names of the library diffusers: post_quant_conv, conv_in, a middle
/// of two residual blocks with attention between them, levels of residual blocks that end by repeating pixels and a convolution, and conv_out. Norms have 32
/// groups and eps 1e-6.
/// </summary>
/// <remarks>With bf16 compute weights activations are bf16 between conv_in and conv_out; latents, the first two layers and the last one stay fp32, which costs nothing.</remarks>
internal sealed class DecoderNetwork
{
    private const string Root = "decoder";
    private readonly DecoderConfig config;
    private readonly LinearLayer postQuant;
    private readonly Conv2dLayer convIn, convOut;
    private readonly DecoderBlock[] middle;
    private readonly DecoderAttention attention;
    private readonly List<(DecoderBlock[] Blocks, Conv2dLayer? Upsampler)> levels = [];
    private readonly NormLayer normOut;

    /// <summary>Builds the layers.</summary>
    /// <exception cref="ArgumentException">The norms' groups do not divide the channels.</exception>
    public DecoderNetwork(DecoderConfig config)
    {
        this.config = config;
        int channels = config.Widths[0];
        postQuant = new LinearLayer("post_quant_conv", config.LatentChannels, config.LatentChannels) { IsConvolution = true };
        convIn = new Conv2dLayer($"{Root}.conv_in", config.LatentChannels, channels);
        middle = [.. Enumerable.Range(0, 2).Select(i => new DecoderBlock($"{Root}.mid_block.resnets.{i}", channels, channels))];
        attention = new DecoderAttention($"{Root}.mid_block.attentions.0", channels);
        foreach ((int level, int width) in config.Widths.Index())
        {
            string name = $"{Root}.up_blocks.{level}";
            DecoderBlock[] blocks = [.. Enumerable.Range(0, config.Blocks[level]).Select(i => new DecoderBlock($"{name}.resnets.{i}", i == 0 ? channels : width, width))];
            levels.Add((blocks, level < config.Widths.Length - 1 ? new Conv2dLayer($"{name}.upsamplers.0.conv", width, width) : null));
            channels = width;
        }

        normOut = new NormLayer($"{Root}.conv_norm_out", channels, DecoderBlock.Groups);
        convOut = new Conv2dLayer($"{Root}.conv_out", channels, config.ImageChannels);
        Parameters =
        [
            .. postQuant.Parameters, .. convIn.Parameters, .. middle[0].Parameters, .. attention.Parameters, .. middle[1].Parameters,
            .. levels.SelectMany(level => level.Blocks.SelectMany(block => block.Parameters).Concat(level.Upsampler?.Parameters ?? [])),
            .. normOut.Parameters, .. convOut.Parameters,
        ];
    }

    /// <summary>All parameters.</summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>Creates a zeroed slab for the parameters.</summary>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public ParameterSlab CreateSlab(ComputeDevice device, DType activations) => new(
        device, Parameters.Select(parameter => (parameter.Name, parameter.Shape)), withGradients: false,
        activations == DType.Float32 ? null : activations, [.. attention.Joined]);

    /// <summary>Records the decoder.</summary>
    /// <param name="program">Program that records it.</param>
    /// <param name="weights">A slab of the parameters, with compute weights if activations are bf16.</param>
    /// <param name="z">Raw latents (N, H, W, C), fp32.</param>
    /// <returns>(N, s H, s W, 3), fp32, with s = <see cref="DecoderConfig.Scale"/>.</returns>
    /// <exception cref="ArgumentException">z has other channels.</exception>
    public Tensor Forward(ComputeProgram program, ParameterSlab weights, Tensor z)
    {
        if (z.Shape.Rank != 4 || z.Shape.C != config.LatentChannels)
            throw new ArgumentException($"decoder: the latents {z} are not (N, H, W, {config.LatentChannels})");
        Tensor x = convIn.Apply(program, weights, postQuant.Apply(program, weights, z));
        x = Cast.Apply(program, x, weights.ComputeType);
        x = attention.Apply(program, weights, middle[0].Apply(program, weights, x));
        x = middle[1].Apply(program, weights, x);
        foreach ((DecoderBlock[] blocks, Conv2dLayer? upsampler) in levels)
        {
            foreach (DecoderBlock block in blocks)
                x = block.Apply(program, weights, x);
            if (upsampler is not null)
                x = upsampler.Apply(program, weights, Resample2d.Up(program, x));
        }

        x = Cast.Apply(program, normOut.Apply(program, weights, x, silu: true), DType.Float32);
        return convOut.Apply(program, weights, x);
    }
}

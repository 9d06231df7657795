using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// The block of EDM2's U-Net (arXiv:2312.02696, config G, figure 21) with the modulation of TrigFlow. With silu(a) = SiLU(a) / 0.596 and
/// blend(a, b) = (0.7 a + 0.3 b) / sqrt(0.58): x = resample(x); in the encoder x = N(conv_skip(x)); h = conv_res1(modulate(conv_res0(silu(x)), embedding)); in the
/// decoder x = conv_skip(x); x = blend(x, h); with attention x = blend(x, attn_proj(attention(N(attn_qkv(x))))); x is clamped. A block of the decoder that
/// takes a skip reads [x | skip], both scaled to equal shares of the sum of squares.
/// </summary>
/// <remarks>
/// The constants of blend, of the join before conv_skip and of the square roots of inputs are factors of compute weights, see <see cref="Weights"/>, so that a
/// convolution's epilogue adds the residual with one factor for the sum.
/// </remarks>
internal sealed class Edm2Block
{
    /// <summary>Last part of the name of the layer that modulates.</summary>
    public const string EmbLinear = "emb_linear";

    /// <summary>Gain of the SiLU, which keeps the magnitude of standard normal inputs.</summary>
    public const float SiluGain = 1 / 0.596f;

    private const int Taps = 9;
    private static readonly float Kept = 0.7f / MathF.Sqrt(0.58f), Added = 0.3f / MathF.Sqrt(0.58f);
    private readonly Edm2Config config;
    private readonly bool isDecoder;
    private readonly int skipChannels;
    private readonly Resampling resampling;
    private readonly Conv2dLayer res0, res1;
    private readonly LinearLayer emb;
    private readonly LinearLayer? projection, qkv, proj;

    /// <param name="config">Configuration of the network.</param>
    /// <param name="name">Name in files, such as enc.64x64_block0.</param>
    /// <param name="inChannels">Channels of x.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="resolution">Height and width of the output.</param>
    /// <param name="isDecoder">Whether the block is one of the decoder.</param>
    /// <param name="skipChannels">Channels of the skip; 0 for none.</param>
    /// <param name="resampling">Change of the resolution at the start.</param>
    /// <param name="attention">Whether the block ends with self-attention.</param>
    public Edm2Block(
        Edm2Config config, string name, int inChannels, int outChannels, int resolution, bool isDecoder, int skipChannels = 0,
        Resampling resampling = Resampling.None, bool attention = false)
    {
        (this.config, Name, InChannels, OutChannels, Resolution) = (config, name, inChannels, outChannels, resolution);
        (this.isDecoder, this.skipChannels, this.resampling) = (isDecoder, skipChannels, resampling);
        int joined = inChannels + skipChannels;
        res0 = Conv("conv_res0", isDecoder ? joined : outChannels, outChannels);
        emb = new LinearLayer($"{name}.{EmbLinear}", config.EmbeddingChannels, ModulationChannels) { HasBias = false, TakesComputeWeights = true, Initial = InitialValues.Normal() };
        res1 = Conv("conv_res1", outChannels, outChannels);
        projection = joined == outChannels ? null : Matrix("conv_skip", joined, outChannels);
        if (!attention)
            return;
        qkv = Matrix("attn_qkv", outChannels, 3 * outChannels, parts: 3);
        proj = Matrix("attn_proj", outChannels, outChannels);

        Conv2dLayer Conv(string layer, int inputs, int outputs) => new($"{name}.{layer}", inputs, outputs) { HasBias = false, Initial = InitialValues.Normal() };

        LinearLayer Matrix(string layer, int inputs, int outputs, int parts = 1) =>
            new($"{name}.{layer}", inputs, outputs) { HasBias = false, IsConvolution = true, Parts = parts, Initial = InitialValues.Normal() };
    }

    public string Name { get; }

    /// <summary>Channels of x, without those of a skip.</summary>
    public int InChannels { get; }

    public int OutChannels { get; }

    /// <summary>Height and width of the output.</summary>
    public int Resolution { get; }

    /// <summary>Whether the block reads a skip.</summary>
    public bool TakesSkip => skipChannels > 0;

    /// <summary>A scale for each output channel, and a shift if the modulation has one.</summary>
    public int ModulationChannels => config.Modulation == Edm2Modulation.Double ? 2 * OutChannels : OutChannels;

    /// <summary>The parameters in the order of files; without a shift, the first is the gain of the scale.</summary>
    public IEnumerable<ParameterSpec> Parameters =>
    [
        .. config.Modulation == Edm2Modulation.Double ? [] : (ParameterSpec[])[Edm2Weights.Gain(EmbGain)],
        .. res0.Parameters, .. emb.Parameters, .. res1.Parameters, .. projection?.Parameters ?? [], .. qkv?.Parameters ?? [], .. proj?.Parameters ?? [],
    ];

    /// <summary>How the compute weights follow from the normalised rows.</summary>
    public IEnumerable<NormalisedWeight> Weights
    {
        get
        {
            bool shortcut = isDecoder && projection is not null;
            yield return Of("conv_res0");
            yield return Of(EmbLinear, SiluGain) with { Gain = config.Modulation == Edm2Modulation.Double ? null : EmbGain };
            yield return Of("conv_res1", shortcut ? Added : Added / Kept);
            if (projection is not null)
                yield return TakesSkip ? Of("conv_skip", Kept * Join.A) with { SplitChannel = InChannels, SplitFactor = Kept * Join.B } : Of("conv_skip", isDecoder ? Kept : 1);
            if (qkv is null)
                yield break;
            yield return Of("attn_qkv");
            yield return Of("attn_proj", Added / Kept);

            NormalisedWeight Of(string layer, float factor = 1) => new($"{Name}.{layer}.weight") { Factor = factor };
        }
    }

    private string EmbGain => $"{Name}.emb_gain";

    private JoinFactors Join => TakesSkip ? JoinFactors.Balanced(SiluGain, InChannels, skipChannels) : new JoinFactors(SiluGain, 1, 1);

    /// <summary>Records the layer of the embedding (N, E) that modulates this block alone: (N, K) or (N, 2 K).</summary>
    public Tensor Modulate(ComputeProgram program, ParameterSlab weights, Tensor embedding)
    {
        using IDisposable scope = program.Layer(Name[(Name.LastIndexOf('.') + 1)..]);
        return emb.Apply(program, weights, embedding);
    }

    /// <summary>Records the block: x (N, H, W, C) to (N, H', W', K); dual if x and the modulation are.</summary>
    /// <param name="program">Program that records the block.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="x">Input; in a block that takes a skip, its first channels.</param>
    /// <param name="xSkip">The further channels: the encoder's output of the same resolution, or null.</param>
    /// <param name="modulation">Scale and shift (N, 2 K), or the scale alone (N, K).</param>
    /// <param name="dropout">Dropout before the second convolution, in training; or null.</param>
    public Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor? xSkip, Tensor modulation, NetworkDropout? dropout)
    {
        using IDisposable scope = program.Layer(Name[(Name.LastIndexOf('.') + 1)..]);
        x = resampling switch
        {
            Resampling.Up => Resample2d.Up(program, x),
            Resampling.Down => Resample2d.Down(program, x),
            _ => x,
        };
        Tensor h;
        if (isDecoder)
            h = JoinedSilu.Apply(program, x, xSkip, Join);
        else
            (x, h) = MagnitudeNorm.WithSilu(program, projection is null ? x : projection.Apply(program, weights, x), SiluGain);
        h = res0.Apply(program, weights, h);
        h = ModulatedNorm.Apply(
            program, h, modulation, new ModulatedNormOptions(config.Modulation == Edm2Modulation.Double, SiluGain), dropout?.Source, dropout?.Rate ?? 0);
        x = AddResidual(program, weights, h, x, xSkip);
        if (qkv is not null)
        {
            h = MagnitudeNorm.Apply(program, qkv.Apply(program, weights, x), config.ChannelsPerHead);
            h = Attention.Apply(program, h, OutChannels / config.ChannelsPerHead);
            x = proj!.Apply(program, weights, h, x, Kept);
        }

        Clamp.InPlace(program, x, config.ClipAct);
        return x;
    }

    /// <summary>
    /// blend(x, conv_res1(h)), in the decoder with conv_skip of x, which is part of conv_res1 if the device can do that. A join as wide as the output has no
    /// conv_skip and is the residual itself.
    /// </summary>
    private Tensor AddResidual(ComputeProgram program, ParameterSlab weights, Tensor h, Tensor x, Tensor? xSkip)
    {
        if (!isDecoder || projection is null)
        {
            if (xSkip is not null)
                x = Concat.Apply(program, ScaledAdd.Apply(program, x, x, Join.A / 2), ScaledAdd.Apply(program, xSkip, xSkip, Join.B / 2));
            return res1.Apply(program, weights, h, x, Kept);
        }

        ProjectionShortcut shortcut = projection.AsShortcut(weights, x, xSkip);
        return res1.TakesShortcut(program.Device, h, shortcut)
            ? res1.Apply(program, weights, h, shortcut: shortcut)
            : res1.Apply(program, weights, h, projection.Apply(program, weights, x, xSkip: xSkip));
    }
}

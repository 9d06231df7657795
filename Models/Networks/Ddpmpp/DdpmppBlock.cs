using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// The residual block of DDPM++ with adaptive double normalisation (arXiv:2410.11081, section 4.1):
/// h = conv0(resample(SiLU(norm0(x)))), [s | b] = affine(embedding), h = SiLU(norm1(h) pnorm(s) + pnorm(b)),
/// x = (conv1(dropout(h)) + skip(resample(x))) / sqrt(2), and with attention x = (proj(attention(qkv(norm2(x)))) + x) / sqrt(2).
/// </summary>
/// <remarks>
/// The network computes pnorm(s) and pnorm(b), which depend on the embedding alone, for all blocks at once. The projection shortcut bears EDM's name, projection.
/// In EDM's variant h = conv0(...) + affine(embedding) and h = SiLU(norm1(h)) in their place (arXiv:2206.00364, appendix F.1).
/// </remarks>
internal sealed class DdpmppBlock
{
    /// <summary>Last part of the name of the layer that gives s and b.</summary>
    public const string Affine = "affine";

    private const float NearZero = 1e-5f;
    private static readonly float HalfRoot = MathF.Sqrt(0.5f), AttentionGain = MathF.Sqrt(0.2f);
    private readonly DdpmppVariant variant;
    private readonly Resampling resampling;
    private readonly NormLayer norm0, norm1;
    private readonly Conv2dLayer conv0, conv1;
    private readonly LinearLayer affine;
    private readonly LinearLayer? projection, qkv, proj;
    private readonly NormLayer? norm2;

    /// <param name="name">Name in files, such as enc.32x32_block0.</param>
    /// <param name="inChannels">Channels of x and, in a block of the decoder, of xSkip.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="embeddingChannels">Channels of the embedding.</param>
    /// <param name="resampling">Change of the resolution before the first convolution.</param>
    /// <param name="attention">Whether the block ends with self-attention of one head.</param>
    /// <param name="variant">How the block takes the embedding.</param>
    public DdpmppBlock(
        string name, int inChannels, int outChannels, int embeddingChannels, Resampling resampling = Resampling.None, bool attention = false,
        DdpmppVariant variant = DdpmppVariant.TrigFlow)
    {
        this.variant = variant;
        Name = name;
        InChannels = inChannels;
        OutChannels = outChannels;
        this.resampling = resampling;
        norm0 = Norm($"{name}.norm0", inChannels);
        conv0 = new Conv2dLayer($"{name}.conv0", inChannels, outChannels);
        affine = new LinearLayer($"{name}.{Affine}", embeddingChannels, ModulationChannels) { TakesComputeWeights = true };
        norm1 = Norm($"{name}.norm1", outChannels);
        conv1 = new Conv2dLayer($"{name}.conv1", outChannels, outChannels, NearZero);
        if (inChannels != outChannels || resampling != Resampling.None)
            projection = new LinearLayer($"{name}.skip", inChannels, outChannels) { IsConvolution = true };
        if (!attention)
            return;
        norm2 = Norm($"{name}.norm2", outChannels);
        qkv = new LinearLayer($"{name}.qkv", outChannels, 3 * outChannels, AttentionGain) { IsConvolution = true, Parts = 3 };
        proj = new LinearLayer($"{name}.proj", outChannels, outChannels, NearZero) { IsConvolution = true };
    }

    public string Name { get; }

    public int InChannels { get; }

    public int OutChannels { get; }

    /// <summary>Number of modulation channels: a scale and a shift for each output channel, or the shift alone in EDM's variant.</summary>
    public int ModulationChannels => variant == DdpmppVariant.Edm ? OutChannels : 2 * OutChannels;

    public IEnumerable<ParameterSpec> Parameters =>
    [
        .. norm0.Parameters, .. conv0.Parameters, .. affine.Parameters, .. norm1.Parameters, .. conv1.Parameters,
        .. projection?.Parameters ?? [], .. norm2?.Parameters ?? [], .. qkv?.Parameters ?? [], .. proj?.Parameters ?? [],
    ];

    /// <summary>Records the layer of the embedding (N, E) that modulates this block alone, as EDM's variant does: (N, K).</summary>
    public Tensor Modulate(ComputeProgram program, ParameterSlab weights, Tensor embedding)
    {
        using IDisposable scope = program.Layer(Name[(Name.LastIndexOf('.') + 1)..]);
        return affine.Apply(program, weights, embedding);
    }

    /// <summary>Records the block: x (N, H, W, C) and modulation (N, 2 K) to (N, H', W', K); dual if both are.</summary>
    /// <param name="program">Program that records the block.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="x">Input; in a block of the decoder, its first channels.</param>
    /// <param name="xSkip">The further channels: the encoder's output of the same resolution, or null. A block that has them does not resample.</param>
    /// <param name="modulation">[pnorm(s) | pnorm(b)], (N, 2 K); in EDM's variant affine(embedding), (N, K).</param>
    /// <param name="dropout">Dropout before the second convolution, in training; or null.</param>
    public Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor? xSkip, Tensor modulation, NetworkDropout? dropout)
    {
        using IDisposable scope = program.Layer(Name[(Name.LastIndexOf('.') + 1)..]);
        if (xSkip is not null && !ReadsTwoSources(program, x, xSkip))
            (x, xSkip) = (Concat.Apply(program, x, xSkip), null);
        Tensor h = norm0.Apply(program, weights, x, silu: true, xSkip: xSkip);
        h = Resample(program, h);
        bool shifts = variant == DdpmppVariant.Edm;
        h = conv0.Apply(program, weights, h, shifts ? Spread(program, Cast.Apply(program, modulation, h.Type), h.Shape.H) : null);
        h = norm1.Apply(program, weights, h, silu: true, shifts ? null : modulation, dropout?.At(h.Shape.H));
        x = AddShortcut(program, weights, h, x, xSkip);
        if (qkv is null)
            return x;
        h = qkv.Apply(program, weights, norm2!.Apply(program, weights, x, silu: false));
        return proj!.Apply(program, weights, Attention.Apply(program, h), x, HalfRoot);
    }

    /// <summary>Creates a group normalisation as in DDPM++: min(32, C / 4) groups.</summary>
    public static NormLayer Norm(string name, int channels) => new(name, channels, Math.Min(32, channels / 4));

    /// <summary>
    /// (conv1(h) + skip(resample(x))) / sqrt(2). Repeating pixels and a 1x1 convolution commute, so on the way up the convolution comes first, at
    /// a quarter of the work; otherwise it is part of conv1 if the device can do that.
    /// </summary>
    private Tensor AddShortcut(ComputeProgram program, ParameterSlab weights, Tensor h, Tensor x, Tensor? xSkip)
    {
        if (projection is null)
            return conv1.Apply(program, weights, h, x, HalfRoot);
        if (resampling == Resampling.Up)
            return conv1.Apply(program, weights, h, Resample(program, projection.Apply(program, weights, x)), HalfRoot);
        x = Resample(program, x);
        ProjectionShortcut shortcut = projection.AsShortcut(weights, x, xSkip);
        return conv1.TakesShortcut(program.Device, h, shortcut)
            ? conv1.Apply(program, weights, h, scale: HalfRoot, shortcut: shortcut)
            : conv1.Apply(program, weights, h, projection.Apply(program, weights, x, xSkip: xSkip), HalfRoot);
    }

    /// <summary>Whether both readers of the input take it in two tensors; otherwise it is concatenated once for both.</summary>
    private bool ReadsTwoSources(ComputeProgram program, Tensor x, Tensor xSkip) =>
        projection is not null && projection.TakesTwoSources(program.Device, x, xSkip) && norm0.TakesTwoSources(program.Device, x, xSkip);

    /// <summary>A row (N, K) at each of H x H pixels, by doubling; H is a power of two. Every network of this variant is as small as EDM's, so that the image costs little.</summary>
    private static Tensor Spread(ComputeProgram program, Tensor row, int resolution)
    {
        Tensor y = row.Reshape(row.Shape.N, 1, 1, row.Shape.C);
        while (y.Shape.H < resolution)
            y = Resample2d.Up(program, y);
        return y;
    }

    private Tensor Resample(ComputeProgram program, Tensor x) => resampling switch
    {
        Resampling.Up => Resample2d.Up(program, x),
        Resampling.Down => Resample2d.Down(program, x),
        _ => x,
    };
}

using System.Collections.Immutable;
using System.Text.Json;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// The shape of a DDPM++ U-Net (arXiv:2011.13456, appendix H, as configured in arXiv:2206.00364, appendix F). Everything but
/// <see cref="Dropout"/> decides which parameters there are, and is written to weight files.
/// </summary>
public sealed record UNetConfig
{
    private const string Architecture = "ddpmpp";
    private static readonly JsonSerializerOptions Compact = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Height and width of the images; divisible by 2^(levels - 1).</summary>
    public required int Resolution { get; init; }

    /// <summary>Channels of the images.</summary>
    public required int ImageChannels { get; init; }

    /// <summary>Number of classes; 0 for a network without labels.</summary>
    public int LabelCount { get; init; }

    /// <summary>Channels at multiplier 1; even, at least 4.</summary>
    public required int ModelChannels { get; init; }

    /// <summary>Multiplier of the channels at each level, full resolution first; each further level halves the resolution.</summary>
    public required ImmutableArray<int> ChannelMult { get; init; }

    /// <summary>Residual blocks at each level of the encoder; the decoder has one more.</summary>
    public required int BlocksPerLevel { get; init; }

    /// <summary>Resolutions at which blocks have self-attention; those that no level has are without effect.</summary>
    public required ImmutableArray<int> AttentionResolutions { get; init; }

    /// <summary>Width of the time embedding as a multiple of <see cref="ModelChannels"/>.</summary>
    public int ChannelMultEmb { get; init; } = 4;

    /// <summary>Probability in [0, 1) that a value before a block's second convolution is dropped in training; not part of files.</summary>
    public float Dropout { get; init; }

    /// <summary>Whether two configurations have the same parameters: all but <see cref="Dropout"/> is equal.</summary>
    public bool HasSameParameters(UNetConfig other) => other is not null && (this with { Dropout = other.Dropout }).Equals(other);

    /// <inheritdoc/>
    public bool Equals(UNetConfig? other) =>
        other is not null
        && (Resolution, ImageChannels, LabelCount) == (other.Resolution, other.ImageChannels, other.LabelCount)
        && (ModelChannels, ChannelMultEmb) == (other.ModelChannels, other.ChannelMultEmb)
        && (BlocksPerLevel, Dropout) == (other.BlocksPerLevel, other.Dropout)
        && ChannelMult.AsSpan().SequenceEqual(other.ChannelMult.AsSpan())
        && AttentionResolutions.AsSpan().SequenceEqual(other.AttentionResolutions.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Resolution, ImageChannels, LabelCount, ModelChannels, BlocksPerLevel);

    /// <summary>Checks every member's range; what depends on several layers is checked by the network's constructor.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(!ChannelMult.IsDefaultOrEmpty && ChannelMult.Length <= 12, "channel_mult has 1 to 12 levels");
        Require(ChannelMult.All(m => m is >= 1 and <= 64), "the entries of channel_mult are 1 to 64");
        int granularity = 1 << (ChannelMult.Length - 1);
        Require(
            Resolution is >= 1 and <= 8192 && Resolution % granularity == 0,
            $"img_resolution is at most 8192 and, for {ChannelMult.Length} levels, a multiple of {granularity}, not {Resolution}");
        Require(ImageChannels is >= 1 and <= 1024, $"img_channels is 1 to 1024, not {ImageChannels}");
        Require(LabelCount is >= 0 and <= 1_000_000, $"label_dim is 0 to 1000000, not {LabelCount}");
        Require(ModelChannels is >= 4 and <= 8192 && ModelChannels % 2 == 0, $"model_channels is even and 4 to 8192, not {ModelChannels}");
        Require(BlocksPerLevel is >= 1 and <= 64, $"num_blocks is 1 to 64, not {BlocksPerLevel}");
        Require(
            !AttentionResolutions.IsDefault && AttentionResolutions.Length <= 64 && AttentionResolutions.All(r => r >= 1),
            "attn_resolutions are at most 64 positive numbers");
        Require(ChannelMultEmb is >= 1 and <= 64, $"channel_mult_emb is 1 to 64, not {ChannelMultEmb}");
        Require(Dropout is >= 0 and < 1, $"dropout is in [0, 1), not {Dropout}");
    }

    /// <summary>The configuration as one line of JSON, keys as EDM names the arguments of its network.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new Form(
            Architecture, Resolution, ImageChannels, ModelChannels, [.. ChannelMult], BlocksPerLevel, [.. AttentionResolutions],
            LabelCount, ChannelMultEmb),
        Compact);

    /// <summary>Reads what <see cref="ToJson"/> writes; label_dim and channel_mult_emb may be absent, no other key may be added.</summary>
    /// <param name="path">The file in which the text was found, for the message.</param>
    /// <param name="json">The text.</param>
    /// <exception cref="InvalidFileException">Not JSON, an unknown or missing key, another architecture, a value out of range.</exception>
    public static UNetConfig FromJson(string path, string json)
    {
        Form form = JsonFile.Parse<Form>(path, System.Text.Encoding.UTF8.GetBytes(json));
        if (form.Architecture != Architecture)
            throw new InvalidFileException(path, $"the architecture is '{form.Architecture}', expected '{Architecture}'");
        var config = new UNetConfig
        {
            Resolution = form.ImgResolution,
            ImageChannels = form.ImgChannels,
            LabelCount = form.LabelDim,
            ModelChannels = form.ModelChannels,
            ChannelMult = [.. form.ChannelMult],
            BlocksPerLevel = form.NumBlocks,
            AttentionResolutions = [.. form.AttnResolutions],
            ChannelMultEmb = form.ChannelMultEmb,
        };
        try
        {
            config.Validate();
            return config;
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(path, $"config: {e.Message}", e);
        }
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }

    /// <summary>The members' names in snake_case are the keys.</summary>
    private sealed record Form(
        string Architecture, int ImgResolution, int ImgChannels, int ModelChannels, int[] ChannelMult, int NumBlocks, int[] AttnResolutions,
        int LabelDim = 0, int ChannelMultEmb = 4);
}

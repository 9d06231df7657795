using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Configuration of a DDPM++ U-Net (arXiv:2011.13456, appendix H, as configured in arXiv:2206.00364, appendix F).
/// </summary>
public sealed record DdpmppConfig : NetworkConfig
{
    /// <summary>Name of the architecture in files and in the registry.</summary>
    public const string Word = "ddpmpp";

    private static readonly JsonSerializerOptions Compact = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <inheritdoc/>
    public override string Architecture => Word;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The resolution or the number of channels is below 1.</exception>
    public override Shape Image => new(1, Resolution, Resolution, ImageChannels);

    /// <summary>Height and width of the images in pixels, 1 to 8192; divisible by 2^(levels - 1).</summary>
    public required int Resolution { get; init; }

    /// <summary>Channels of the images, 1 to 1024.</summary>
    public required int ImageChannels { get; init; }

    /// <summary>Channels at multiplier 1; even, 4 to 8192.</summary>
    public required int ModelChannels { get; init; }

    /// <summary>Channel multiplier of each level, 1 to 64, full resolution first; each of the 1 to 12 levels has half the resolution of the one before.</summary>
    public required ImmutableArray<int> ChannelMult { get; init; }

    /// <summary>Residual blocks at each level of the encoder, 1 to 64; the decoder has one more.</summary>
    public required int BlocksPerLevel { get; init; }

    /// <summary>Resolutions at which blocks have self-attention; those that no level has are ignored.</summary>
    public required ImmutableArray<int> AttentionResolutions { get; init; }

    /// <summary>Width of the time embedding as a multiple of <see cref="ModelChannels"/>, 1 to 64.</summary>
    public int ChannelMultEmb { get; init; } = 4;

    /// <inheritdoc/>
    public override INetwork Build() => new DdpmppNetwork(this);

    /// <inheritdoc/>
    public bool Equals(DdpmppConfig? other) => base.Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => base.GetHashCode();

    /// <summary>Checks every member's range; the network's constructor checks conditions on several layers.</summary>
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
        Require(
            Conditions.Distinct().Count() == Conditions.Length && Conditions.All(name => name is { Length: > 0 and <= 64 } && name.All(c => char.IsAsciiLetterLower(c) || c == '_')),
            "conditions are different names of lower-case letters");
        Require(!Conditions.Contains("label"), "no condition is called label, since classes have the layer of that name");
    }

    /// <summary>Formats the configuration as one line of JSON; keys are EDM's names of its network's arguments, with "conditions" only if there are any.</summary>
    public override string ToJson() => JsonSerializer.Serialize(
        new Form(
            Architecture, Resolution, ImageChannels, ModelChannels, [.. ChannelMult], BlocksPerLevel, [.. AttentionResolutions],
            LabelCount, ChannelMultEmb, Conditions.IsEmpty ? null : [.. Conditions]),
        Compact);

    /// <summary>Reads the output of <see cref="ToJson"/>; label_dim, channel_mult_emb and conditions may be absent, and further keys are refused.</summary>
    /// <param name="path">The file in which the text was found, for the message.</param>
    /// <param name="json">The text.</param>
    /// <exception cref="InvalidFileException">The text is not JSON, a key is missing or unknown, the architecture differs, or a value is out of range.</exception>
    public static DdpmppConfig FromJson(string path, string json)
    {
        Form form = JsonFile.Parse<Form>(path, System.Text.Encoding.UTF8.GetBytes(json));
        if (form.Architecture != Word)
            throw new InvalidFileException(path, $"the architecture is '{form.Architecture}', expected '{Word}'");
        var config = new DdpmppConfig
        {
            Resolution = form.ImgResolution,
            ImageChannels = form.ImgChannels,
            LabelCount = form.LabelDim,
            ModelChannels = form.ModelChannels,
            ChannelMult = [.. form.ChannelMult],
            BlocksPerLevel = form.NumBlocks,
            AttentionResolutions = [.. form.AttnResolutions],
            ChannelMultEmb = form.ChannelMultEmb,
            Conditions = [.. form.Conditions ?? []],
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

    /// <summary>The JSON object: keys are the members' names in snake_case.</summary>
    private sealed record Form(
        string Architecture, int ImgResolution, int ImgChannels, int ModelChannels, int[] ChannelMult, int NumBlocks, int[] AttnResolutions,
        int LabelDim = 0, int ChannelMultEmb = 4, string[]? Conditions = null);
}

using System.Text.Json;
using System.Text.Json.Serialization;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Configuration of an EDM2 U-Net (arXiv:2312.02696, config G) in its TrigFlow form (arXiv:2410.11081, section 4.1).
/// </summary>
public sealed record Edm2Config : UNetConfig
{
    /// <summary>Name of the architecture in files and in the registry.</summary>
    public const string Word = "edm2";

    private static readonly JsonSerializerOptions Compact = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <inheritdoc/>
    public override string Architecture => Word;

    /// <summary>Channels of an attention head, 1 to 1024; divides the channels of every block that attends.</summary>
    public int ChannelsPerHead { get; init; } = 64;

    /// <summary>Bound of the activations' magnitude at the end of a block; positive.</summary>
    public float ClipAct { get; init; } = 256;

    /// <summary>Rule between the two convolutions of a block.</summary>
    public Edm2Modulation Modulation { get; init; } = Edm2Modulation.Double;

    /// <summary>Embedding of the time.</summary>
    public Edm2Embedding Embedding { get; init; } = Edm2Embedding.Positional;

    /// <summary>Standard deviation of the data that <see cref="Edm2Embedding.Fourier"/> takes noise levels by; positive. Not used otherwise.</summary>
    public float SigmaData { get; init; } = 0.5f;

    /// <summary>Width of the time embedding of the loss's logvar(t); even, 2 to 8192.</summary>
    public int LogvarChannels { get; init; } = 128;

    /// <summary>Channels at full resolution, also the width of the time embedding.</summary>
    public int FirstChannels => ModelChannels * ChannelMult[0];

    /// <summary>Width of the embedding that modulates the blocks.</summary>
    public int EmbeddingChannels => ModelChannels * ChannelMult.Max();

    /// <inheritdoc/>
    public override bool IsOnlyEvaluated => Embedding == Edm2Embedding.Fourier;

    /// <inheritdoc/>
    public override INetwork Build() => new Edm2Network(this);

    /// <inheritdoc/>
    public bool Equals(Edm2Config? other) => base.Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => base.GetHashCode();

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(
            ModelChannels is >= 2 and <= 8192 && FirstChannels % 2 == 0 && FirstChannels >= 4,
            $"model_channels is 2 to 8192 and, times the first of channel_mult, even and at least 4, not {ModelChannels}");
        Require(ChannelsPerHead is >= 1 and <= 1024, $"channels_per_head is 1 to 1024, not {ChannelsPerHead}");
        Require(ClipAct is > 0 and < float.PositiveInfinity, $"clip_act is positive, not {ClipAct}");
        Require(Enum.IsDefined(Modulation), $"the modulation is unknown: {Modulation}");
        Require(Enum.IsDefined(Embedding), $"the embedding is unknown: {Embedding}");
        Require(SigmaData is > 0 and < float.PositiveInfinity, $"sigma_data is positive, not {SigmaData}");
        Require(LogvarChannels is >= 2 and <= 8192 && LogvarChannels % 2 == 0, $"logvar_channels is even and 2 to 8192, not {LogvarChannels}");
        foreach ((int level, int multiplier) in ChannelMult.Index())
        {
            bool attends = AttentionResolutions.Contains(ResolutionOf(level)) || level == ChannelMult.Length - 1;
            Require(
                !attends || ModelChannels * multiplier % ChannelsPerHead == 0,
                $"channels_per_head is {ChannelsPerHead}, which does not divide the {ModelChannels * multiplier} channels at resolution {ResolutionOf(level)}");
        }
    }

    /// <summary>Formats the configuration as one line of JSON; keys are EDM2's names of its network's arguments, with "conditions" only if there are any, and "sigma_data" only with Fourier features.</summary>
    public override string ToJson() => JsonSerializer.Serialize(
        new Form(
            Architecture, Resolution, ImageChannels, ModelChannels, [.. ChannelMult], BlocksPerLevel, [.. AttentionResolutions],
            LabelCount, ChannelsPerHead, ClipAct, WordOf(Modulation), WordOf(Embedding), LogvarChannels, Conditions.IsEmpty ? null : [.. Conditions],
            Embedding == Edm2Embedding.Fourier ? SigmaData : null),
        Compact);

    /// <summary>Reads the output of <see cref="ToJson"/>; keys from label_dim on may be absent, and further keys are refused.</summary>
    /// <param name="path">The file in which the text was found, for the message.</param>
    /// <param name="json">The text.</param>
    /// <exception cref="InvalidFileException">The text is not JSON, a key is missing or unknown, the architecture differs, or a value is out of range.</exception>
    public static Edm2Config FromJson(string path, string json)
    {
        Form form = JsonFile.Parse<Form>(path, System.Text.Encoding.UTF8.GetBytes(json));
        if (form.Architecture != Word)
            throw new InvalidFileException(path, $"the architecture is '{form.Architecture}', expected '{Word}'");
        var config = new Edm2Config
        {
            Resolution = form.ImgResolution,
            ImageChannels = form.ImgChannels,
            LabelCount = form.LabelDim,
            ModelChannels = form.ModelChannels,
            ChannelMult = [.. form.ChannelMult],
            BlocksPerLevel = form.NumBlocks,
            AttentionResolutions = [.. form.AttnResolutions],
            ChannelsPerHead = form.ChannelsPerHead,
            ClipAct = form.ClipAct,
            Modulation = Parse<Edm2Modulation>(path, "modulation", form.Modulation),
            Embedding = Parse<Edm2Embedding>(path, "embedding", form.Embedding),
            LogvarChannels = form.LogvarChannels,
            Conditions = [.. form.Conditions ?? []],
            SigmaData = form.SigmaData ?? 0.5f,
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

    private static string WordOf<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static T Parse<T>(string path, string key, string word)
        where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
            if (WordOf(value) == word)
                return value;
        throw new InvalidFileException(path, $"config: {key} is '{word}', expected {string.Join(" or ", Enum.GetValues<T>().Select(WordOf))}");
    }

    /// <summary>The JSON object: keys are the members' names in snake_case.</summary>
    private sealed record Form(
        string Architecture, int ImgResolution, int ImgChannels, int ModelChannels, int[] ChannelMult, int NumBlocks, int[] AttnResolutions,
        int LabelDim = 0, int ChannelsPerHead = 64, float ClipAct = 256, string Modulation = "double", string Embedding = "positional",
        int LogvarChannels = 128, string[]? Conditions = null, float? SigmaData = null);
}

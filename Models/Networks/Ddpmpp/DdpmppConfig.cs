using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Configuration of a DDPM++ U-Net (arXiv:2011.13456, appendix H, as configured in arXiv:2206.00364, appendix F).
/// </summary>
public sealed record DdpmppConfig : UNetConfig
{
    /// <summary>Name of the architecture in files and in the registry.</summary>
    public const string Word = "ddpmpp";

    private const string EdmWord = "edm";

    private static readonly JsonSerializerOptions Compact = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <inheritdoc/>
    public override string Architecture => Word;

    /// <summary>Width of the time embedding as a multiple of <see cref="UNetConfig.ModelChannels"/>, 1 to 64.</summary>
    public int ChannelMultEmb { get; init; } = 4;

    /// <summary>How blocks take the embedding, and what the embedding is of.</summary>
    public DdpmppVariant Variant { get; init; }

    /// <summary>Standard deviation of the data that <see cref="DdpmppVariant.Edm"/> takes noise levels by; positive. Not used otherwise.</summary>
    public float SigmaData { get; init; } = 0.5f;

    /// <inheritdoc/>
    public override bool IsOnlyEvaluated => Variant == DdpmppVariant.Edm;

    /// <inheritdoc/>
    public override INetwork Build() => new DdpmppNetwork(this);

    /// <inheritdoc/>
    public bool Equals(DdpmppConfig? other) => base.Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => base.GetHashCode();

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(ModelChannels is >= 4 and <= 8192 && ModelChannels % 2 == 0, $"model_channels is even and 4 to 8192, not {ModelChannels}");
        Require(ChannelMultEmb is >= 1 and <= 64, $"channel_mult_emb is 1 to 64, not {ChannelMultEmb}");
        Require(Enum.IsDefined(Variant), $"the variant is unknown: {Variant}");
        Require(SigmaData is > 0 and < float.PositiveInfinity, $"sigma_data is positive, not {SigmaData}");
        Require(Variant != DdpmppVariant.Edm || BitOperations.IsPow2(Resolution), $"img_resolution of the variant edm is a power of two, not {Resolution}");
        Require(!Conditions.Contains("label"), "no condition is called label, since classes have the layer of that name");
    }

    /// <summary>Formats the configuration as one line of JSON; keys are EDM's names of its network's arguments, with "conditions" only if there are any, and "variant" and "sigma_data" only for that of EDM.</summary>
    public override string ToJson() => JsonSerializer.Serialize(
        new Form(
            Architecture, Resolution, ImageChannels, ModelChannels, [.. ChannelMult], BlocksPerLevel, [.. AttentionResolutions],
            LabelCount, ChannelMultEmb, Conditions.IsEmpty ? null : [.. Conditions],
            Variant == DdpmppVariant.Edm ? EdmWord : null, Variant == DdpmppVariant.Edm ? SigmaData : null),
        Compact);

    /// <summary>Reads the output of <see cref="ToJson"/>; keys from label_dim on may be absent, and further keys are refused.</summary>
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
            Variant = form.Variant switch
            {
                null => DdpmppVariant.TrigFlow,
                EdmWord => DdpmppVariant.Edm,
                var other => throw new InvalidFileException(path, $"config: variant is '{other}', expected {EdmWord}"),
            },
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

    /// <summary>The JSON object: keys are the members' names in snake_case.</summary>
    private sealed record Form(
        string Architecture, int ImgResolution, int ImgChannels, int ModelChannels, int[] ChannelMult, int NumBlocks, int[] AttnResolutions,
        int LabelDim = 0, int ChannelMultEmb = 4, string[]? Conditions = null, string? Variant = null, float? SigmaData = null);
}

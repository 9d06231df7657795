using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;

namespace TrigFlowNative.Extension;

/// <summary>A network: convolution, group norm modulated by the time, SiLU, <see cref="Softsign"/>, convolution; in fp32 or bf16.</summary>
public sealed class Convnet : INetwork
{
    private readonly ConvnetConfig config;
    private readonly Conv2dLayer first, last;
    private readonly NormLayer norm;
    private readonly LinearLayer modulation;

    /// <summary>Lays out the network.</summary>
    /// <exception cref="ArgumentException">The width is not a multiple of 4.</exception>
    public Convnet(ConvnetConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        this.config = config;
        first = new Conv2dLayer("first", config.ImageChannels, config.Width);
        norm = new NormLayer("norm", config.Width, groups: 4);
        modulation = new LinearLayer("modulation", config.Width, 2 * config.Width) { Initial = InitialValues.Normal(0.1f) };
        last = new Conv2dLayer("last", config.Width, config.ImageChannels) { HasBias = false };
        Parameters = [.. first.Parameters, .. norm.Parameters, .. modulation.Parameters, .. last.Parameters];
    }

    /// <inheritdoc/>
    public NetworkConfig Config => config;

    /// <inheritdoc/>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>The modulation (N, 2 Width), which the time alone decides.</summary>
    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Condition(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        if (conditions.Labels is not null || conditions.Scalars.Count > 0)
            throw new ArgumentException($"{ConvnetConfig.Word}: the network is conditioned on the time alone");
        return [modulation.Apply(program, weights, TimeEmbedding.Apply(program, conditions.Times, config.Width))];
    }

    /// <inheritdoc/>
    public Tensor Forward(ComputeProgram program, ParameterSlab weights, Tensor x, IReadOnlyList<Tensor> condition, NetworkDropout? dropout = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        Expect.Float32(ConvnetConfig.Word, x);
        Tensor hidden = norm.Apply(program, weights, first.Apply(program, weights, x), silu: true, condition[0], dropout);
        return last.Apply(program, weights, Softsign.Apply(program, hidden));
    }
}

/// <summary>What decides the parameters of a <see cref="Convnet"/>.</summary>
public sealed record ConvnetConfig : NetworkConfig
{
    /// <summary>The word by which weight files name the architecture.</summary>
    public const string Word = "convnet";

    /// <summary>Height and width of the images.</summary>
    public required int Resolution { get; init; }

    /// <summary>Channels of the images.</summary>
    public required int ImageChannels { get; init; }

    /// <summary>Channels in between; a multiple of 4.</summary>
    public required int Width { get; init; }

    /// <inheritdoc/>
    public override string Architecture => Word;

    /// <inheritdoc/>
    public override Shape Image => new(1, Resolution, Resolution, ImageChannels);

    /// <inheritdoc/>
    public override INetwork Build() => new Convnet(this);

    /// <inheritdoc/>
    public override string ToJson() => System.Text.Json.JsonSerializer.Serialize(
        new { architecture = Word, resolution = Resolution, channels = ImageChannels, width = Width, classes = LabelCount, conditions = Conditions });

    /// <summary>Reads what <see cref="ToJson"/> writes: what the registry calls.</summary>
    /// <exception cref="InvalidFileException">A key is missing or unknown, or a value is out of range.</exception>
    public static ConvnetConfig FromJson(string path, string json)
    {
        Form form = JsonFile.Parse<Form>(path, System.Text.Encoding.UTF8.GetBytes(json));
        return form is { Resolution: >= 1 and <= 8192, Channels: >= 1 and <= 1024, Width: >= 4 and <= 8192, Classes: >= 0 } && form.Width % 4 == 0
            ? new ConvnetConfig { Resolution = form.Resolution, ImageChannels = form.Channels, Width = form.Width, LabelCount = form.Classes, Conditions = [.. form.Conditions ?? []] }
            : throw new InvalidFileException(path, $"config: a {Word} has 1 to 1024 channels and a width that is a multiple of 4");
    }

    private sealed record Form(string Architecture, int Resolution, int Channels, int Width, int Classes = 0, string[]? Conditions = null);
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// A DINOv2 vision transformer without registers (arXiv:2304.07193): the class token after the last norm, the features of FD-DINOv2 (arXiv:2306.04675), on images
/// of 16 x 16 patches.
/// </summary>
/// <remarks>
/// Positions are those of training, 37 x 37, resampled by plain bicubic with the step 37 / 16.1: its authors add 0.1 to the number of patches against rounding, which
/// moves every position. The factors of LayerScale are multiplied into the layers before them.
/// </remarks>
internal sealed class DinoNetwork : FeatureNetwork
{
    /// <summary>Patches a side.</summary>
    public const int Side = 16;

    /// <summary>Names that the file of no other network has together.</summary>
    public const string Mark = "patch_embed.proj.weight", SecondMark = "blocks.0.ls1.gamma";

    private const float Epsilon = 1e-6f;
    private const double Offset = 0.1;
    private static readonly double[] Mean = [0.485, 0.456, 0.406], Deviation = [0.229, 0.224, 0.225];

    private readonly DinoConfig config;
    private readonly Dictionary<string, GeneralWeight> layers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> vectors = new(StringComparer.Ordinal);
    private readonly Tensor? table;

    /// <summary>Reads the network.</summary>
    /// <param name="tensors">The tensors.</param>
    /// <param name="device">Device that computes.</param>
    /// <param name="options">The user's choices.</param>
    /// <param name="heads">Number of heads; null for heads of 64 channels.</param>
    /// <exception cref="InvalidFileException">As for <see cref="DinoConfig.Read"/>, or a value is not finite.</exception>
    public DinoNetwork(FeatureTensors tensors, ComputeDevice device, FeatureOptions options, int? heads = null)
        : this(tensors, device, options, DinoConfig.Read(tensors, heads))
    {
    }

    private DinoNetwork(FeatureTensors tensors, ComputeDevice device, FeatureOptions options, DinoConfig config)
        : base(device, InputOf(Side * config.Patch), options)
    {
        this.config = config;
        Outputs = [new FeatureSpec("class_token", config.Width, "the class token after the last norm")];
        MatrixArithmetic arithmetic = options.ArithmeticOn(device);
        try
        {
            var patches = new Shape(config.Width, config.Patch, config.Patch, 3);
            layers.Add("patch_embed.proj", GeneralWeight.Create(
                device, patches, FoldedConvolution.ToChannelsLast(tensors.Read("patch_embed.proj.weight"), patches), tensors.Read("patch_embed.proj.bias"),
                new Window2d(config.Patch, config.Patch, config.Patch), arithmetic));
            table = device.CreateTensor(new Shape(1 + Side * Side, config.Width), Array.ConvertAll(Positions(tensors, config), value => (float)value));
            ReadNorm("norm");
            for (int i = 0; i < config.Depth; i++)
            {
                string block = $"blocks.{i}.";
                ReadNorm($"{block}norm1");
                ReadNorm($"{block}norm2");
                ReadLayer($"{block}attn.qkv", null);
                ReadLayer($"{block}attn.proj", $"{block}ls1.gamma");
                ReadLayer($"{block}mlp.fc1", null);
                ReadLayer($"{block}mlp.fc2", $"{block}ls2.gamma");
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        void ReadNorm(string name)
        {
            foreach (string part in (string[])[$"{name}.weight", $"{name}.bias"])
                vectors.Add(part, device.CreateTensor(new Shape(config.Width), tensors.Read(part)));
        }

        void ReadLayer(string name, string? factors)
        {
            float[] weight = tensors.Read($"{name}.weight"), bias = tensors.Read($"{name}.bias");
            int inputs = weight.Length / bias.Length;
            float[]? gamma = factors is null ? null : tensors.Read(factors);
            for (int i = 0; gamma is not null && i < weight.Length; i++)
                weight[i] *= gamma[i / inputs];
            for (int i = 0; gamma is not null && i < bias.Length; i++)
                bias[i] *= gamma[i];
            layers.Add(name, GeneralWeight.Create(device, new Shape(bias.Length, 1, 1, inputs), weight, bias, Window2d.Point, arithmetic));
        }
    }

    /// <inheritdoc/>
    public override string Name => config.Name;

    /// <inheritdoc/>
    public override IReadOnlyList<FeatureSpec> Outputs { get; }

    /// <summary>The class token and its position, then the positions of 16 x 16 patches: (257, Width), row by row.</summary>
    internal static double[] Positions(FeatureTensors tensors, DinoConfig config)
    {
        double[] stored = Array.ConvertAll(tensors.Read("pos_embed"), value => (double)value);
        float[] token = tensors.Read("cls_token");
        var taps = ResizeTaps.PlainBicubic(config.Grid, Side, config.Grid / (Side + Offset));
        double[] first = [.. token.Select((value, i) => value + stored[i])];
        return [.. first, .. ResizeTaps.Apply(stored.AsSpan(config.Width), taps, taps, config.Width)];
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        foreach (GeneralWeight layer in layers.Values)
            layer.Dispose();
        foreach (Tensor vector in vectors.Values)
            vector.Dispose();
        table?.Dispose();
    }

    /// <summary>Records the network and gives out the tokens before the first block and after each, then the features.</summary>
    internal (IReadOnlyList<Tensor> Tokens, Tensor Features) RecordTokens(ComputeProgram program, Tensor x)
    {
        Tensor patches = GeneralConv2d.Apply(program, x, layers["patch_embed.proj"]);
        List<Tensor> tokens = [TokenSequence.Apply(program, patches, table!)];
        for (int i = 0; i < config.Depth; i++)
        {
            using IDisposable scope = program.Layer($"block{i}");
            tokens.Add(Block(program, $"blocks.{i}.", tokens[^1]));
        }

        Tensor last = tokens[^1], first = Cast.Apply(program, last.Reshape(last.Shape.N, last.Count / last.Shape.N), DType.Float32, config.Width);
        return (tokens, Norm(program, "norm", first));
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<Tensor> Record(ComputeProgram program, Tensor x) => [RecordTokens(program, x).Features];

    private Tensor Block(ComputeProgram program, string block, Tensor x)
    {
        Tensor attended = Attention.Apply(program, Linear(program, $"{block}attn.qkv", Norm(program, $"{block}norm1", x)), config.Heads);
        x = Linear(program, $"{block}attn.proj", attended, residual: x);
        return Linear(program, $"{block}mlp.fc2", Linear(program, $"{block}mlp.fc1", Norm(program, $"{block}norm2", x), Activation.Gelu), residual: x);
    }

    private Tensor Norm(ComputeProgram program, string name, Tensor x) => LayerNorm.Apply(program, x, vectors[$"{name}.weight"], vectors[$"{name}.bias"], Epsilon);

    private Tensor Linear(ComputeProgram program, string name, Tensor x, Activation activation = Activation.None, Tensor? residual = null) =>
        GeneralConv2d.Apply(program, x, layers[name], activation, residual);

    private static FeatureInput InputOf(int size) => new(
        size, ResizeTaps.AntialiasedBicubic, [.. Deviation.Select(value => (float)(1 / (255 * value)))], [.. Mean.Zip(Deviation, (mean, deviation) => (float)(-mean / deviation))],
        $"{size}x{size} bicubic with antialiasing (a = -0.5, neither rounded nor clamped), x / 255 normalised by ImageNet's means and deviations");
}

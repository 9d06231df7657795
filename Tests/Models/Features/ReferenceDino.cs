using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Kernels;

namespace TrigFlowNative.Tests.Models;

/// <summary>What may be done wrong with DINOv2; by default all is right.</summary>
internal sealed record DinoMistakes
{
    /// <summary>Step of the positions, as a share of the grid.</summary>
    public double Sides { get; init; } = 16.1;

    public double BicubicA { get; init; } = -0.5;

    public bool Antialiases { get; init; } = true;

    public double PositionA { get; init; } = -0.75;

    public double Epsilon { get; init; } = 1e-6;

    public bool TanhGelu { get; init; }

    public bool NoLayerScale { get; init; }

    /// <summary>Whether the mean over all tokens is taken instead of the class token.</summary>
    public bool AveragesTokens { get; init; }
}

/// <summary>A small DINOv2 in float64: 64 channels in one head or more, two blocks, positions for 5 x 5 patches of 14 x 14 pixels.</summary>
internal sealed class ReferenceDino
{
    public const int Width = 64, Depth = 2, Hidden = 96, Patch = 14, Grid = 5, Side = 16, Tokens = 1 + Side * Side;

    private static readonly double[] Mean = [0.485, 0.456, 0.406], Deviation = [0.229, 0.224, 0.225];

    private readonly int heads;

    public ReferenceDino(int seed, int heads = 1)
    {
        this.heads = heads;
        Weights = new FeatureWeights(seed);
        Weights.Add("cls_token", 0, 0.2, 1, 1, Width);
        Weights.Add("pos_embed", 0, 0.5, 1, 1 + Grid * Grid, Width);
        Weights.Add("mask_token", 0, 1, 1, Width);
        Weights.Add("patch_embed.proj.weight", 0, 0.06, Width, 3, Patch, Patch);
        Weights.Add("patch_embed.proj.bias", 0, 0.2, Width);
        for (int i = 0; i < Depth; i++)
        {
            string block = $"blocks.{i}.";
            foreach ((string layer, int outputs, int inputs) in ((string, int, int)[])[("attn.qkv", 3 * Width, Width), ("attn.proj", Width, Width), ("mlp.fc1", Hidden, Width), ("mlp.fc2", Width, Hidden)])
            {
                Weights.Add($"{block}{layer}.weight", 0, 1.5 / Math.Sqrt(inputs), outputs, inputs);
                Weights.Add($"{block}{layer}.bias", 0, 0.2, outputs);
            }

            foreach (string norm in (string[])["norm1", "norm2"])
                AddNorm($"{block}{norm}");
            Weights.Add($"{block}ls1.gamma", 0.5, 0.3, Width);
            Weights.Add($"{block}ls2.gamma", 0.5, 0.3, Width);
        }

        AddNorm("norm");

        void AddNorm(string name)
        {
            Weights.Add($"{name}.weight", 1, 0.3, Width);
            Weights.Add($"{name}.bias", 0, 0.2, Width);
        }
    }

    public FeatureWeights Weights { get; }

    /// <summary>Positions of the class token and the patches, and the tokens before the first block and after each, after <see cref="Compute"/>.</summary>
    public (double[] Positions, List<double[]> Tokens) Steps { get; private set; } = ([], []);

    /// <summary>Features of one image (1, H, W, 3).</summary>
    public double[] Compute(byte[] image, int height, int width, DinoMistakes mistakes)
    {
        double[] resized = ResizeReference.Apply(
            Array.ConvertAll(image, value => (double)value), 1, ResizeReference.Antialiased(height, Side * Patch, mistakes.BicubicA, mistakes.Antialiases),
            ResizeReference.Antialiased(width, Side * Patch, mistakes.BicubicA, mistakes.Antialiases), 3);
        double[] input = [.. resized.Select((value, i) => (value / 255 - Mean[i % 3]) / Deviation[i % 3])];
        double[] filters = ToChannelsLast(Weights["patch_embed.proj.weight"]);
        double[] patches = WindowReference.Convolve(input, new Shape(1, Side * Patch, Side * Patch, 3), filters, Weights["patch_embed.proj.bias"], Width, new Window2d(Patch, Patch, Patch));
        double[,] positions = ResizeReference.Plain(Grid, Side, Grid / mistakes.Sides, mistakes.PositionA);
        double[] stored = Weights["pos_embed"], placed = ResizeReference.Apply(stored[Width..], 1, positions, positions, Width);
        double[] x = [.. Weights["cls_token"].Select((value, i) => value + stored[i]), .. patches.Zip(placed, (patch, place) => patch + place)];
        Steps = ([.. stored[..Width], .. placed], [x]);
        for (int i = 0; i < Depth; i++)
        {
            string block = $"blocks.{i}.";
            x = Add(x, Linear(Attend(Linear(Norm(x, $"{block}norm1", mistakes), $"{block}attn.qkv")), $"{block}attn.proj"), $"{block}ls1.gamma", mistakes);
            double[] hidden = Array.ConvertAll(Linear(Norm(x, $"{block}norm2", mistakes), $"{block}mlp.fc1"), value => Gelu(value, mistakes.TanhGelu));
            x = Add(x, Linear(hidden, $"{block}mlp.fc2"), $"{block}ls2.gamma", mistakes);
            Steps.Tokens.Add(x);
        }

        double[] last = Norm(x, "norm", mistakes);
        return mistakes.AveragesTokens ? [.. Enumerable.Range(0, Width).Select(c => Enumerable.Range(0, Tokens).Average(token => last[token * Width + c]))] : last[..Width];
    }

    private static double[] ToChannelsLast(double[] filters)
    {
        const int taps = Patch * Patch;
        double[] turned = new double[filters.Length];
        for (int i = 0; i < filters.Length; i++)
            turned[(i / (3 * taps) * taps + i % taps) * 3 + i / taps % 3] = filters[i];
        return turned;
    }

    private static double Gelu(double x, bool tanh) => tanh
        ? 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))
        : 0.5 * x * GeneralConv2dTests.Erfc(-x / Math.Sqrt(2));

    private double[] Add(double[] x, double[] branch, string gamma, DinoMistakes mistakes)
    {
        double[] factors = Weights[gamma];
        return [.. x.Select((value, i) => value + branch[i] * (mistakes.NoLayerScale ? 1 : factors[i % Width]))];
    }

    private double[] Norm(double[] x, string name, DinoMistakes mistakes) => LayerNormTests.Reference(x, Weights[$"{name}.weight"], Weights[$"{name}.bias"], mistakes.Epsilon);

    private double[] Linear(double[] x, string name)
    {
        double[] bias = Weights[$"{name}.bias"], weight = Weights[$"{name}.weight"];
        int inputs = weight.Length / bias.Length;
        return WindowReference.Convolve(x, new Shape(1, 1, x.Length / inputs, inputs), weight, bias, bias.Length, Window2d.Point);
    }

    private double[] Attend(double[] qkv)
    {
        int depth = Width / heads;
        double[] y = new double[Tokens * Width], scores = new double[Tokens];
        for (int row = 0; row < Tokens * heads; row++)
        {
            (int query, int head) = (row / heads, row % heads * depth);
            for (int key = 0; key < Tokens; key++)
            {
                double sum = 0;
                for (int c = head; c < head + depth; c++)
                    sum += qkv[query * 3 * Width + c] * qkv[key * 3 * Width + Width + c];
                scores[key] = sum / Math.Sqrt(depth);
            }

            double most = scores.Max(), total = scores.Sum(score => Math.Exp(score - most));
            for (int key = 0; key < Tokens; key++)
            {
                double share = Math.Exp(scores[key] - most) / total;
                for (int c = head; c < head + depth; c++)
                    y[query * Width + c] += share * qkv[key * 3 * Width + 2 * Width + c];
            }
        }

        return y;
    }
}

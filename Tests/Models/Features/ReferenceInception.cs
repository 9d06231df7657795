using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Kernels;

namespace TrigFlowNative.Tests.Models;

/// <summary>What may be done wrong with FID's Inception; by default all is right.</summary>
internal sealed record InceptionMistakes
{
    public bool HalfPixel { get; init; }

    public double Epsilon { get; init; } = 1e-3;

    public bool CountsPadding { get; init; }

    public bool LastPoolAverages { get; init; }

    /// <summary>Whether the 7x1 and the 1x7 filters change places, as if height and width were exchanged.</summary>
    public bool SwapsHeightAndWidth { get; init; }

    /// <summary>Whether bytes become x / 127.5 - 1.</summary>
    public bool CentredAt127 { get; init; }

    /// <summary>Whether the second of two parallel filters comes first.</summary>
    public bool SwapsForks { get; init; }
}

/// <summary>
/// FID's Inception in float64, written from its published table in another notation than the network's: a branch is a row of words, a convolution "name outputs
/// height width", "/2" behind it for step 2 without border, "-" for step 1 without border; a fork joins two by "|".
/// </summary>
internal sealed class ReferenceInception(int divisor, int seed)
{
    private static readonly string[] Stem = ["Conv2d_1a_3x3 32 3 3 /2", "Conv2d_2a_3x3 32 3 3 -", "Conv2d_2b_3x3 64 3 3", "down", "Conv2d_3b_1x1 80 1 1", "Conv2d_4a_3x3 192 3 3 -", "down"];

    private static readonly (string Name, string[][] Branches)[] Blocks =
    [
        ("Mixed_5b", A(32)), ("Mixed_5c", A(64)), ("Mixed_5d", A(64)),
        ("Mixed_6a", [["branch3x3 384 3 3 /2"], ["branch3x3dbl_1 64 1 1", "branch3x3dbl_2 96 3 3", "branch3x3dbl_3 96 3 3 /2"], ["down"]]),
        ("Mixed_6b", C(128)), ("Mixed_6c", C(160)), ("Mixed_6d", C(160)), ("Mixed_6e", C(192)),
        ("Mixed_7a", [["branch3x3_1 192 1 1", "branch3x3_2 320 3 3 /2"], ["branch7x7x3_1 192 1 1", "branch7x7x3_2 192 1 7", "branch7x7x3_3 192 7 1", "branch7x7x3_4 192 3 3 /2"], ["down"]]),
        ("Mixed_7b", E("average")), ("Mixed_7c", E("max")),
    ];

    private readonly Lazy<FeatureWeights> weights = new(() => Create(divisor, seed));
    private double[] x = [];
    private Shape shape;

    /// <summary>The weights, with all channels divided.</summary>
    public FeatureWeights Weights => weights.Value;

    /// <summary>Outputs of the stem's layers and of the blocks by name, after <see cref="Compute"/>.</summary>
    public Dictionary<string, (double[] Values, Shape Shape)> Outputs { get; } = new(StringComparer.Ordinal);

    /// <summary>Means over the last map, logits without bias, and the spatial features.</summary>
    public (double[] Pool, double[] Logits, double[] Spatial) Compute(byte[] images, Shape bytes, InceptionMistakes mistakes)
    {
        (double scale, double shift) = mistakes.CentredAt127 ? (1 / 127.5, -1) : (1 / 128.0, -1);
        double[] values = Array.ConvertAll(images, value => scale * value + shift);
        shape = new Shape(bytes.N, 299, 299, 3);
        x = ResizeReference.Apply(values, bytes.N, ResizeReference.Bilinear(bytes.H, 299, mistakes.HalfPixel), ResizeReference.Bilinear(bytes.W, 299, mistakes.HalfPixel), 3);
        int pools = 0;
        foreach (string step in Stem)
        {
            Apply("", step, mistakes);
            Outputs[step == "down" ? $"MaxPool_{++pools}" : step.Split(' ')[0]] = (x, shape);
        }

        double[] spatial = [];
        foreach ((string name, string[][] branches) in Blocks)
        {
            (double[] from, Shape fromShape) = (x, shape);
            List<(double[] Values, int Channels)> parts = [];
            foreach (string[] branch in branches)
            {
                (x, shape) = (from, fromShape);
                bool last = name == "Mixed_7c";
                foreach (string step in branch)
                {
                    string[] forks = step.Split('|');
                    if (forks.Length == 1)
                    {
                        Apply($"{name}.", step == "max" && last && mistakes.LastPoolAverages ? "average" : step, mistakes);
                        continue;
                    }

                    (double[] both, Shape bothShape) = (x, shape);
                    foreach (string fork in mistakes.SwapsForks ? forks.Reverse() : forks)
                    {
                        (x, shape) = (both, bothShape);
                        Apply($"{name}.", fork, mistakes);
                        parts.Add((x, shape.C));
                    }
                }

                if (!branch[^1].Contains('|', StringComparison.Ordinal))
                    parts.Add((x, shape.C));
                if (name == "Mixed_6d" && spatial.Length == 0)
                    spatial = [.. Enumerable.Range(0, x.Length / shape.C).SelectMany(pixel => x.AsSpan(pixel * shape.C, Math.Min(7, shape.C)).ToArray())];
            }

            int channels = parts.Sum(part => part.Channels);
            x = [.. Enumerable.Range(0, shape.N * shape.H * shape.W).SelectMany(pixel => parts.SelectMany(part => part.Values.AsSpan(pixel * part.Channels, part.Channels).ToArray()))];
            shape = new Shape(shape.N, shape.H, shape.W, channels);
            Outputs[name] = (x, shape);
        }

        double[] pool = WindowReference.Pool(x, shape, PoolKind.Average, new Window2d(shape.H, shape.W));
        double[] logits = WindowReference.Convolve(pool, new Shape(bytes.N, 1, 1, shape.C), Weights["fc.weight"], null, (int)Weights.Shape("fc.weight")[0], Window2d.Point);
        return (pool, logits, spatial);
    }

    private static FeatureWeights Create(int divisor, int seed)
    {
        var made = new FeatureWeights(seed);
        int channels = 3;
        foreach (string step in Stem)
            channels = Add(made, "", step, channels, divisor);
        foreach ((string name, string[][] branches) in Blocks)
        {
            int outputs = 0;
            foreach (string[] branch in branches)
            {
                int inputs = channels;
                foreach (string step in branch)
                    inputs = step.Split('|').Sum(each => Add(made, $"{name}.", each, inputs, divisor));
                outputs += inputs;
            }

            channels = outputs;
        }

        int classes = 1008 / divisor;
        made.Add("fc.weight", 0, 1 / Math.Sqrt(channels), classes, channels);
        made.Add("fc.bias", 0, 1, classes);
        return made;
    }

    private static int Add(FeatureWeights made, string prefix, string step, int inputs, int divisor)
    {
        string[] words = step.Split(' ');
        if (words.Length == 1)
            return inputs;
        int outputs = Math.Max(1, int.Parse(words[1], null) / divisor);
        made.AddConvolution($"{prefix}{words[0]}.conv.weight", Norm(prefix + words[0]), outputs, inputs, int.Parse(words[2], null), int.Parse(words[3], null));
        return outputs;
    }

    private void Apply(string prefix, string step, InceptionMistakes mistakes)
    {
        string[] words = step.Split(' ');
        Window2d window = words switch
        {
            ["down"] => new(3, 3, 2),
            ["average" or "max"] => Window2d.Same(3, 3),
            [_, _, var height, var width, "/2"] => new(int.Parse(height, null), int.Parse(width, null), 2),
            [_, _, var height, var width, "-"] => new(int.Parse(height, null), int.Parse(width, null)),
            _ => Window2d.Same(int.Parse(words[2], null), int.Parse(words[3], null)),
        };
        if (words.Length == 1)
        {
            x = WindowReference.Pool(x, shape, step == "average" ? PoolKind.Average : PoolKind.Max, window, mistakes.CountsPadding && step == "average");
            shape = new Shape(shape.N, window.OutputHeight(shape), window.OutputWidth(shape), shape.C);
            return;
        }

        if (mistakes.SwapsHeightAndWidth && words[0].Contains("7x7", StringComparison.Ordinal))
            window = Window2d.Same(window.Width, window.Height) with { Stride = window.Stride, Top = window.Left, Bottom = window.Right, Left = window.Top, Right = window.Bottom };
        (double[] weight, double[] bias) = Weights.Folded($"{prefix}{words[0]}.conv.weight", Norm(prefix + words[0]), mistakes.Epsilon);
        x = Array.ConvertAll(WindowReference.Convolve(x, shape, weight, bias, bias.Length, window), value => Math.Max(value, 0));
        shape = new Shape(shape.N, window.OutputHeight(shape), window.OutputWidth(shape), bias.Length);
    }

    private static string[] Norm(string name) => [$"{name}.bn.weight", $"{name}.bn.bias", $"{name}.bn.running_mean", $"{name}.bn.running_var"];

    private static string[][] A(int pool) =>
    [
        ["branch1x1 64 1 1"], ["branch5x5_1 48 1 1", "branch5x5_2 64 5 5"], ["branch3x3dbl_1 64 1 1", "branch3x3dbl_2 96 3 3", "branch3x3dbl_3 96 3 3"], ["average", $"branch_pool {pool} 1 1"],
    ];

    private static string[][] C(int c) =>
    [
        ["branch1x1 192 1 1"], [$"branch7x7_1 {c} 1 1", $"branch7x7_2 {c} 1 7", "branch7x7_3 192 7 1"],
        [$"branch7x7dbl_1 {c} 1 1", $"branch7x7dbl_2 {c} 7 1", $"branch7x7dbl_3 {c} 1 7", $"branch7x7dbl_4 {c} 7 1", "branch7x7dbl_5 192 1 7"], ["average", "branch_pool 192 1 1"],
    ];

    private static string[][] E(string pool) =>
    [
        ["branch1x1 320 1 1"], ["branch3x3_1 384 1 1", "branch3x3_2a 384 1 3|branch3x3_2b 384 3 1"],
        ["branch3x3dbl_1 448 1 1", "branch3x3dbl_2 384 3 3", "branch3x3dbl_3a 384 1 3|branch3x3dbl_3b 384 3 1"], [pool, "branch_pool 192 1 1"],
    ];
}

using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>Shapes of a preset's layers, in the words of the families; empty where it has none.</summary>
internal sealed record PresetShapes
{
    public IReadOnlyList<string> Matrices { get; init; } = [];

    public IReadOnlyList<string> Convolutions { get; init; } = [];

    public IReadOnlyList<string> Attentions { get; init; } = [];

    public IReadOnlyList<string> Norms { get; init; } = [];

    public IReadOnlyList<string> Resamplings { get; init; } = [];

    /// <summary>Numbers in all parameters; null without a model.</summary>
    public long? Parameters { get; init; }

    /// <summary>The layers of a network. Every 3x3 convolution but that of the image reads what a norm wrote.</summary>
    public static PresetShapes Of(INetwork network, int batch)
    {
        NetworkConvolution[] convolutions = [.. NetworkShapes.Convolutions(network)];
        (int Size, int Channels)[] attentions = [.. NetworkShapes.Attentions(network).Distinct()];
        return new PresetShapes
        {
            Matrices = [.. attentions.SelectMany(a => new[] { 3 * a.Channels, a.Channels }.Select(outputs => $"{batch * a.Size * a.Size}x{outputs}x{a.Channels}"))],
            Convolutions = [.. convolutions.Select(conv => $"n{batch} {conv.C}->{conv.K} {conv.Size}x{conv.Size} k{conv.R}").Distinct()],
            Attentions = [.. attentions.Select(a => $"b{batch} h1 l{a.Size * a.Size} d{a.Channels}")],
            Norms = [.. convolutions.Where(conv => conv.R == 3 && conv.C != network.Config.Image.C)
                .Select(conv => $"n{batch} c{conv.C} {conv.Size}x{conv.Size}").Distinct()],
            Resamplings = [.. convolutions.Where(conv => conv.Layer.EndsWith(".conv0", StringComparison.Ordinal)).SelectMany(conv => Resampling(conv, batch)).Distinct()],
            Parameters = network.ParameterCount(),
        };
    }

    /// <summary>What a block that changes the resolution does before its first convolution.</summary>
    private static IEnumerable<string> Resampling(NetworkConvolution conv, int batch) =>
        conv.Layer.Contains("_down.", StringComparison.Ordinal) ? [$"down n{batch} c{conv.C} {2 * conv.Size}x{2 * conv.Size}"]
        : conv.Layer.Contains("_up.", StringComparison.Ordinal) ? [$"up n{batch} c{conv.C} {conv.Size / 2}x{conv.Size / 2}"]
        : [];
}

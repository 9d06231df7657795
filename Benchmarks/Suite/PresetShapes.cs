using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>Shapes of a preset's layers in the words of the families, each once; empty for a family without layers.</summary>
internal sealed record PresetShapes
{
    public IReadOnlyList<string> Matrices { get; init; } = [];

    public IReadOnlyList<string> Convolutions { get; init; } = [];

    public IReadOnlyList<string> Attentions { get; init; } = [];

    public IReadOnlyList<string> Norms { get; init; } = [];

    /// <summary>Norms of pixels with the activation in the same pass, and of attention's heads.</summary>
    public IReadOnlyList<string> MagnitudeNorms { get; init; } = [];

    /// <summary>Norms of pixels with a scale and a shift, and the activation.</summary>
    public IReadOnlyList<string> ModulatedNorms { get; init; } = [];

    /// <summary>Joins with the activation.</summary>
    public IReadOnlyList<string> JoinedSilus { get; init; } = [];

    public IReadOnlyList<string> Clamps { get; init; } = [];

    public IReadOnlyList<string> Resamplings { get; init; } = [];

    /// <summary>Weights whose rows are normalised, all of a network in one shape.</summary>
    public IReadOnlyList<string> Weights { get; init; } = [];

    /// <summary>Number of the network's parameters; null without a network.</summary>
    public long? Parameters { get; init; }

    /// <summary>The layers of a network's forward pass, for a number of images.</summary>
    public static PresetShapes Of(RecordedPass pass, int batch)
    {
        var layers = new NetworkShapes(pass, batch);
        return new PresetShapes
        {
            Matrices = [.. layers.Matrices.Distinct()],
            Convolutions = [.. layers.Convolutions.Distinct()],
            Attentions = [.. layers.Attentions.Distinct()],
            Norms = [.. layers.Norms.Distinct()],
            MagnitudeNorms = [.. layers.MagnitudeNorms.Distinct()],
            ModulatedNorms = [.. layers.ModulatedNorms.Distinct()],
            JoinedSilus = [.. layers.JoinedSilus.Distinct()],
            Clamps = [.. layers.Clamps.Distinct()],
            Resamplings = [.. layers.Resamplings.Distinct()],
            Weights = pass.Network.ComputeWeights is null ? [] : [layers.Weights],
            Parameters = pass.Network.ParameterCount(),
        };
    }
}

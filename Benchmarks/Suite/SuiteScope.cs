using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>The part of the suite that is measured: a preset, its batch, and how many of its shapes.</summary>
/// <param name="Preset">One of <see cref="SuitePresets.Names"/>.</param>
/// <param name="Batch">Images in a training step, which its layers take at a time.</param>
/// <param name="Type">Storage type of activations.</param>
/// <param name="Extent">How many of the shapes are measured.</param>
public sealed record SuiteScope(string Preset, int Batch, DType Type, SuiteExtent Extent = SuiteExtent.Full)
{
    private const int FewShapes = 3;

    /// <summary>Shapes of the preset's layers.</summary>
    internal PresetShapes Layers => SuitePresets.Get(Preset, Batch);

    /// <summary>The tiny shapes if the extent is <see cref="SuiteExtent.Tiny"/>, else those that a preset's layers have.</summary>
    internal IEnumerable<string> Shapes(IEnumerable<string> tiny, Func<PresetShapes, IEnumerable<string>> layers) =>
        Extent == SuiteExtent.Tiny ? tiny : layers(Layers);

    /// <summary>The shapes, each once; of a <see cref="SuiteExtent.Quick"/> extent the first, the middle and the last.</summary>
    internal IEnumerable<string> Few(IEnumerable<string> shapes)
    {
        string[] all = [.. shapes.Distinct()];
        return Extent != SuiteExtent.Quick || all.Length <= FewShapes ? all : [all[0], all[all.Length / 2], all[^1]];
    }
}

/// <summary>How many of a preset's shapes are measured.</summary>
public enum SuiteExtent
{
    /// <summary>None: small shapes instead, for the simulator and for machines without a GPU.</summary>
    Tiny,

    /// <summary>Up to three of each family.</summary>
    Quick,

    /// <summary>All of them.</summary>
    Full,
}

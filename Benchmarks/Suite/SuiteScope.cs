using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>The part of the suite to measure: a preset, its batch, and the number of its shapes.</summary>
/// <param name="Preset">One of <see cref="SuitePresets.Names"/>.</param>
/// <param name="Batch">Images of a training step, all of which its layers take at a time.</param>
/// <param name="Type">Storage type of activations.</param>
/// <param name="Extent">Number of the preset's shapes that are measured.</param>
public sealed record SuiteScope(string Preset, int Batch, DType Type, SuiteExtent Extent = SuiteExtent.Full)
{
    private const int FewShapes = 3;

    /// <summary>Shapes of the preset's layers.</summary>
    internal PresetShapes Layers => SuitePresets.Get(Preset, Batch);

    /// <summary>Returns the tiny shapes or those for a processor if the extent says so, otherwise those of a preset's layers.</summary>
    internal IEnumerable<string> Shapes(IEnumerable<string> tiny, IEnumerable<string> host, Func<PresetShapes, IEnumerable<string>> layers) =>
        Extent switch { SuiteExtent.Tiny => tiny, SuiteExtent.Host => host, _ => layers(Layers) };

    /// <summary>Returns the shapes, each once; for a <see cref="SuiteExtent.Quick"/> extent only the first, the middle and the last.</summary>
    internal IEnumerable<string> Few(IEnumerable<string> shapes)
    {
        string[] all = [.. shapes.Distinct()];
        return Extent != SuiteExtent.Quick || all.Length <= FewShapes ? all : [all[0], all[all.Length / 2], all[^1]];
    }
}

/// <summary>Number of a preset's shapes that are measured.</summary>
public enum SuiteExtent
{
    /// <summary>None: the smallest shapes instead, for the simulator and for tests.</summary>
    Tiny,

    /// <summary>None: shapes instead that take a processor 0.1 to 10 ms, so that not the call is measured.</summary>
    Host,

    /// <summary>Up to three of each family.</summary>
    Quick,

    /// <summary>All of them.</summary>
    Full,
}

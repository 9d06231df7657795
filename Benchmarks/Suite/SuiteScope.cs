using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>How much is measured: of which preset, with how many images, and how many shapes of it.</summary>
/// <param name="Preset">A model's preset, or a set of shapes such as edm2-s.</param>
/// <param name="Batch">Images of a training step and of its layers.</param>
/// <param name="Type">Storage of activations.</param>
/// <param name="Extent">How many of the shapes, and how large.</param>
public sealed record SuiteScope(string Preset, int Batch, DType Type, SuiteExtent Extent = SuiteExtent.Full)
{
    private const int FewShapes = 3;

    /// <summary>The shapes of the preset's layers.</summary>
    internal PresetShapes Layers => SuitePresets.Get(Preset, Batch);

    /// <summary>Shapes of their own where the extent is tiny, else those of the preset.</summary>
    internal IEnumerable<string> Shapes(IEnumerable<string> tiny, Func<PresetShapes, IEnumerable<string>> layers) =>
        Extent == SuiteExtent.Tiny ? tiny : layers(Layers);

    /// <summary>All shapes, or, where the extent is quick, the first, the middle and the last.</summary>
    internal IEnumerable<string> Few(IEnumerable<string> shapes)
    {
        string[] all = [.. shapes.Distinct()];
        return Extent != SuiteExtent.Quick || all.Length <= FewShapes ? all : [all[0], all[all.Length / 2], all[^1]];
    }
}

/// <summary>How many shapes of a preset are measured.</summary>
public enum SuiteExtent
{
    /// <summary>Shapes of their own that a simulator or two cores can do.</summary>
    Tiny,

    /// <summary>A few of the preset's.</summary>
    Quick,

    /// <summary>All of the preset's.</summary>
    Full,
}

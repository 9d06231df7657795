namespace TrigFlowNative.Training.Data;

/// <summary>The words by which data sets name their splits.</summary>
internal static class SplitNames
{
    private static readonly HashSet<string> Training = new(StringComparer.OrdinalIgnoreCase) { "train", "training" };

    private static readonly HashSet<string> Others = new(StringComparer.OrdinalIgnoreCase)
    {
        "test", "testing", "t10k", "val", "valid", "validation", "dev", "eval",
    };

    /// <summary>Whether a folder of this name holds the images to train on.</summary>
    internal static bool IsTraining(string name) => Training.Contains(name);

    /// <summary>Whether a folder of this name holds a split, of whatever use.</summary>
    internal static bool IsSplit(string name) => Training.Contains(name) || Others.Contains(name);
}

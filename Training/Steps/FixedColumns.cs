namespace TrigFlowNative.Training.Steps;

/// <summary>Names of the columns of metrics.csv that are not means of tallies; no tally may have one of them.</summary>
internal static class FixedColumns
{
    public const string Step = "step", Objective = "objective", KImg = "kimg", LearningRate = "learning_rate", Skipped = "skipped", ImagesPerSecond = "images_per_second";

    /// <summary>All of them, in the order of the file.</summary>
    public static IReadOnlyList<string> All { get; } = [Step, Objective, KImg, LearningRate, Skipped, ImagesPerSecond];
}

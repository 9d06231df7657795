using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Averages;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// A power-function average that was stored during a training: a weight file whose metadata also say which average it is and how many images were seen.
/// </summary>
/// <param name="Path">The file.</param>
/// <param name="Average">The average.</param>
/// <param name="Images">Images seen when it was stored; positive.</param>
/// <param name="Model">All other metadata, the same in all snapshots of a run: network, sigma_data, kind, names of the classes.</param>
public sealed record Snapshot(string Path, PowerAverage Average, long Images, IReadOnlyDictionary<string, string> Model)
{
    private const string GammaKey = "average_gamma", WidthKey = "average_width", ImagesKey = "images", StepKey = "step";

    /// <summary>The metadata of a weight file that holds an average.</summary>
    /// <param name="average">The average.</param>
    /// <param name="images">Images seen.</param>
    /// <param name="step">Training steps done; null to leave them out.</param>
    public static IReadOnlyDictionary<string, string> Metadata(PowerAverage average, long images, long? step = null)
    {
        ArgumentNullException.ThrowIfNull(average);
        var metadata = new Dictionary<string, string>
        {
            [GammaKey] = average.Gamma.ToString("R", CultureInfo.InvariantCulture),
            [WidthKey] = WidthText(average),
            [ImagesKey] = images.ToString(CultureInfo.InvariantCulture),
        };
        if (step is { } done)
            metadata[StepKey] = done.ToString(CultureInfo.InvariantCulture);
        return metadata;
    }

    /// <summary>The relative width of an average as people write it, such as 0.05 or 0.015.</summary>
    public static string WidthText(PowerAverage average) => average.Width.ToString("0.00####", CultureInfo.InvariantCulture);

    /// <summary>Reads what a file says of itself; its weights are read and checked later.</summary>
    /// <exception cref="InvalidFileException">The file is missing or malformed, or does not say which average it holds.</exception>
    public static Snapshot Read(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.HasChecksum)
            throw new InvalidFileException(path, "has no checksum: it is damaged, or no snapshot of a training");
        double gamma = Number<double>(file, GammaKey);
        long images = Number<long>(file, ImagesKey);
        if (!(gamma is >= 0 and < double.PositiveInfinity) || images < 1)
            throw new InvalidFileException(path, $"says that it holds the average of gamma {gamma} after {images} images");
        var model = new Dictionary<string, string>(file.Metadata);
        foreach (string key in (ReadOnlySpan<string>)[GammaKey, WidthKey, ImagesKey, StepKey])
            model.Remove(key);
        return new Snapshot(path, new PowerAverage(gamma), images, model);
    }

    /// <summary>Whether a file is a weight file that holds a power-function average.</summary>
    /// <exception cref="InvalidFileException">The file is malformed.</exception>
    public static bool HoldsAverage(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.Metadata.ContainsKey(GammaKey);
    }

    private static T Number<T>(SafetensorsFile file, string key)
        where T : IParsable<T>
    {
        if (!file.Metadata.TryGetValue(key, out string? text))
            throw new InvalidFileException(file.Path, $"its metadata has no '{key}', which says what average it holds: no snapshot, or one of an older version; move it away");
        return T.TryParse(text, CultureInfo.InvariantCulture, out T? value)
            ? value
            : throw new InvalidFileException(file.Path, $"{key} is '{text}', expected a number");
    }
}

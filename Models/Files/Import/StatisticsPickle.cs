using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Mean and covariance of features over a set of images.</summary>
/// <param name="Mean">The mean of each of d features.</param>
/// <param name="Covariance">The covariances, d rows of d, divided by one less than the number of images.</param>
public sealed record StoredMoments(double[] Mean, double[] Covariance);

/// <summary>Reference statistics of a file.</summary>
/// <param name="ImageCount">Number of images that they are of; null if the file does not say it.</param>
/// <param name="Features">Moments by the name of the metric whose features they are of, such as <c>fid</c> and <c>fd_dinov2</c>, in the file's order.</param>
public sealed record StoredStatistics(long? ImageCount, IReadOnlyDictionary<string, StoredMoments> Features);

/// <summary>
/// Reads reference statistics as EDM2's programs pickle them: a dictionary of <c>num_images</c> and, for each metric, a dictionary of <c>mu</c> and <c>sigma</c>, NumPy
/// arrays (protocols 2 to 5). Nothing in the file is executed.
/// </summary>
public static class StatisticsPickle
{
    private const string Count = "num_images", Mean = "mu", Covariance = "sigma";

    private const int MaxFeatures = 1 << 14;

    /// <summary>Reads a file.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is absent or malformed, holds something else, or a number in it is not finite.</exception>
    public static StoredStatistics Read(string path)
    {
        using FileBytes file = FileBytes.Open(path);
        PickledValue pickle = PickleMachine.Read(file, file.All, ObjectNames.Instance, PickleLimits.Default);
        if (pickle.End != file.Length)
            throw file.Refuse($"has {file.Length - pickle.End} bytes behind its pickle");
        return Recognises(pickle.Value) ? Read(file, pickle.Value) : throw file.Refuse("holds no statistics: expected a dictionary with mu and sigma for each metric");
    }

    /// <summary>Whether a file's value is a dictionary of statistics.</summary>
    internal static bool Recognises(PickleValue value) =>
        PickleCall.MapOf(value) is { } map && map.Texts.Any(entry => PickleCall.MapOf(entry.Value) is { } moments && NumpyArray.Is(moments.Find(Mean)) && NumpyArray.Is(moments.Find(Covariance)));

    /// <summary>Reads the statistics of a value that <see cref="Recognises"/>.</summary>
    internal static StoredStatistics Read(FileBytes file, PickleValue value)
    {
        PickleMap map = PickleCall.MapOf(value)!;
        Dictionary<string, StoredMoments> features = new(StringComparer.Ordinal);
        foreach ((string name, PickleValue entry) in map.Texts.Where(each => each.Name != Count))
            features.Add(name, MomentsOf(file, name, PickleCall.MapOf(entry) ?? throw file.Refuse($"has {entry.Words} for '{name}', expected a dictionary of mu and sigma")));
        return new StoredStatistics(CountOf(file, map.Find(Count)), features);
    }

    private static StoredMoments MomentsOf(FileBytes file, string name, PickleMap map)
    {
        (int[] shape, double[] mean) = NumpyArray.Read(file, map.Find(Mean), $"{name}.{Mean}");
        if (shape is not [> 0 and <= MaxFeatures])
            throw file.Refuse($"array '{name}.{Mean}' has the shape ({string.Join(", ", shape)}), expected one extent");
        int features = shape[0];
        (shape, double[] covariance) = NumpyArray.Read(file, map.Find(Covariance), $"{name}.{Covariance}");
        return shape is [var rows, var columns] && rows == features && columns == features
            ? new StoredMoments(mean, covariance)
            : throw file.Refuse($"array '{name}.{Covariance}' has the shape ({string.Join(", ", shape)}), expected ({features}, {features}) as '{name}.{Mean}' has {features}");
    }

    private static long? CountOf(FileBytes file, PickleValue? value) => value switch
    {
        null => null,
        PickleInteger { Value: var count } when count >= 0 && count <= long.MaxValue => (long)count,
        _ => throw file.Refuse($"has {value.Words} for {Count}, expected a number of images"),
    };
}

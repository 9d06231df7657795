using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Says what a file that images are compared with holds, by its first bytes, and reads moments of every known kind.</summary>
internal static class ReferenceFile
{
    /// <summary>The names that EDM2's files have for the moments of features.</summary>
    private static readonly Dictionary<string, string> Metrics = new(StringComparer.Ordinal) { ["inception-2015"] = "fid", ["dinov2-vitl14"] = "fd_dinov2" };

    private const int Zip = 'P' | 'K' << 8, Pickle = 0x80;

    /// <summary>The moments in a file; null if it holds none, but images perhaps.</summary>
    /// <param name="path">A file, or a folder or the word of a data set, which hold none.</param>
    /// <param name="features">Name of the features that moments are wanted of, for files that hold those of several.</param>
    /// <param name="input">How the network's input is made, in words; null if that does not matter.</param>
    /// <exception cref="InvalidFileException">The file is missing or damaged, or its moments are unusable, or of other features, or of another input.</exception>
    public static ReferenceMoments? ReadMoments(string path, string features, string? input = null)
    {
        if (!File.Exists(path))
            return null;
        byte[] head = new byte[2];
        using (FileStream stream = InputFile.Open(path))
            stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (head[0] == Pickle)
            return ReadPickle(path, features) with { Input = input }; // EDM2's program has one way of making each network's input
        if ((head[0] | head[1] << 8) != Zip || !MomentsFile.HoldsMoments(path))
            return null;
        ReferenceMoments moments = MomentsFile.Read(path);
        if (moments.Features is { } known && known != features)
            throw new InvalidFileException(path, $"holds moments of the features '{known}', not of '{features}'");
        return input is not null && moments.Input is { } made && made != input
            ? throw new InvalidFileException(path, $"holds moments of '{features}' whose input is made by '{made}', not by '{input}'")
            : moments;
    }

    /// <summary>The one place for statistics in pickles, as EDM2 keeps them.</summary>
    private static ReferenceMoments ReadPickle(string path, string features)
    {
        StoredStatistics statistics = StatisticsPickle.Read(path);
        string wanted = Metrics.GetValueOrDefault(features) ?? throw new InvalidFileException(path, $"holds moments of {string.Join(", ", Metrics.Keys)} at most, not of '{features}'");
        StoredMoments found = statistics.Features.GetValueOrDefault(wanted)
            ?? throw new InvalidFileException(path, $"holds no moments '{wanted}' of the features '{features}', but {string.Join(", ", statistics.Features.Keys)}");
        Moments moments = new(statistics.ImageCount ?? 0, found.Mean, found.Covariance);
        return moments.Fault() is { } fault ? throw new InvalidFileException(path, $"'{wanted}' has no covariance: {fault}") : new ReferenceMoments(moments, null, features, HoldsImages: false);
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>The networks of features by name, a line each: <c>--features</c> offers them.</summary>
internal static class FeatureNetworks
{
    /// <summary>How a network is opened.</summary>
    /// <param name="Words">For --help: what it is, and which weights it needs.</param>
    /// <param name="NeedsWeights">Whether a file of weights must be given.</param>
    /// <param name="Open">Opens it.</param>
    internal sealed record Entry(string Words, bool NeedsWeights, Func<FeatureRequest, IFeatureNetwork> Open);

    /// <summary>All networks by name.</summary>
    public static IReadOnlyDictionary<string, Entry> All { get; } = new SortedDictionary<string, Entry>(StringComparer.Ordinal)
    {
        [PixelFeatures.Word] = new("the pixels of images of one size, at most 4096 values, for which no weights are needed", false, OpenPixels),
    };

    /// <summary>Opens a network.</summary>
    /// <exception cref="UsageException">Weights are missing, or given where there are none, or the images do not suit the network.</exception>
    /// <exception cref="InvalidFileException">The weights are unusable.</exception>
    public static IFeatureNetwork Open(string name, FeatureRequest request)
    {
        Entry entry = All[name];
        if (entry.NeedsWeights && request.Weights is null)
            throw new UsageException($"--features {name} needs --weights FILE: {entry.Words}");
        if (!entry.NeedsWeights && request.Weights is not null)
            throw new UsageException($"--weights {request.Weights}: the features '{name}' have none");
        return entry.Open(request);
    }

    private static PixelFeatures OpenPixels(FeatureRequest request)
    {
        int size = request.Height * request.Width * request.Channels;
        return size <= PixelFeatures.MaxWidth
            ? new PixelFeatures(request.Height, request.Width, request.Channels)
            : throw new UsageException($"--features {PixelFeatures.Word}: images of {request.Height}x{request.Width}x{request.Channels} have {size} values, at most {PixelFeatures.MaxWidth} are taken");
    }
}

/// <summary>What a network of features is opened for.</summary>
/// <param name="Device">Device that runs it.</param>
/// <param name="Weights">File of its weights; null if none was given.</param>
/// <param name="Height">Height of the images in pixels.</param>
/// <param name="Width">Width of the images in pixels.</param>
/// <param name="Channels">Channels of the images.</param>
internal readonly record struct FeatureRequest(ComputeDevice Device, string? Weights, int Height, int Width, int Channels);

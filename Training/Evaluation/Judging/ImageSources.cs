using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Opens images to judge, or to judge against: samples in an .npz, or any data set, whole and in its order, which is that of sorted names for files.</summary>
internal static class ImageSources
{
    /// <summary>Opens images.</summary>
    /// <param name="path">An .npz with arr_0, or what <see cref="ImageDataset.Open"/> takes.</param>
    /// <exception cref="InvalidFileException">It is missing, damaged, holds no images, or images of several sizes.</exception>
    public static IImageSource Open(string path)
    {
        if (File.Exists(path) && path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase))
            return new NpzSource(path);
        (IImageDataset images, DatasetDescription found) = ImageDataset.OpenAsTheyAre(path);
        return new DatasetSource(images, found.Split.Length > 0 ? $"{path} ({found.Format}, {found.Split})" : $"{path} ({found.Format})");
    }

    /// <summary>
    /// As many images as are asked for. Of more a random subset is taken, in order: EDM's, which shuffles the numbers by NumPy's RandomState and sorts the first ones.
    /// </summary>
    /// <exception cref="UsageException">There are fewer.</exception>
    public static IImageSource Exactly(IImageSource source, int count, uint seed, string option)
    {
        if (source.Count < count)
            throw new UsageException(string.Create(CultureInfo.InvariantCulture,
                $"{source.Words}: holds {source.Count:N0} images, fewer than {option} {count}: a distance of fewer is larger, and not comparable; {option} {source.Count} takes them all the same"));
        if (source.Count == count)
            return source;
        int[] indices = new NumpyRandom(seed).Choice(source.Count, count);
        Array.Sort(indices);
        string chosen = string.Create(CultureInfo.InvariantCulture, $"{count:N0} of {source.Count:N0} by seed {seed}");
        return source switch
        {
            NpzSource archive => archive.Take(indices, chosen),
            DatasetSource data => data.Take(indices, chosen),
            _ => throw new ArgumentException("these images cannot be chosen from", nameof(source)),
        };
    }
}

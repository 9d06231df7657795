using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>Opens data sets of every kind that the program knows.</summary>
public static class ImageDataset
{
    /// <summary>The name of the data set that the program draws itself, see <see cref="SyntheticShapes"/>.</summary>
    public const string Synthetic = SyntheticShapes.Name;

    /// <summary>
    /// Reads a data set into memory, fitted to the model: the largest centred square of each image, framed with zeros if it is smaller by
    /// at most a quarter, otherwise resampled; gray and colour converted.
    /// </summary>
    /// <param name="spec">
    /// <c>synthetic</c>; a CIFAR-10 .bin file or a folder of data_batch_*.bin; an MNIST idx file of images, plain or gzip, or its folder;
    /// a folder of PNG and JPEG files, sub-folders being classes; a zip archive in EDM's layout.
    /// </param>
    /// <param name="resolution">Height and width of the model's images.</param>
    /// <param name="channels">1 or 3.</param>
    /// <exception cref="InvalidFileException">Nothing of these, or damaged.</exception>
    public static DatasetSplit Open(string spec, int resolution, int channels)
    {
        ArgumentException.ThrowIfNullOrEmpty(spec);
        if (spec == Synthetic)
            return SyntheticShapes.MakeDataset(resolution, channels);
        ImageFit fit = new(resolution, channels);
        try
        {
            return DatasetSplit.Of(Directory.Exists(spec) ? OpenFolder(spec, fit) : OpenFile(spec, fit));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidFileException(spec, $"cannot be read ({e.Message})", e);
        }
    }

    private static ImageStore OpenFolder(string path, ImageFit fit)
    {
        if (CifarReader.FindFiles(path) is { Length: > 0 } batches)
            return CifarReader.Read(path, batches, fit);
        if (MnistReader.FindImages(path) is string images)
            return MnistReader.Read(images, fit);
        using ImageFolder folder = new(path);
        return folder.ReadAll(fit);
    }

    private static ImageStore OpenFile(string path, ImageFit fit)
    {
        string extension = Path.GetExtension(path);
        if (extension.Equals(".zip", StringComparison.OrdinalIgnoreCase))
        {
            using ImageZip zip = new(path);
            return zip.ReadAll(fit);
        }

        if (extension.Equals(".bin", StringComparison.OrdinalIgnoreCase))
            return CifarReader.Read(path, [path], fit);
        if (Path.GetFileName(path).Contains("idx", StringComparison.Ordinal) || IdxFile.LooksRight(path))
            return MnistReader.Read(path, fit);
        throw new InvalidFileException(path, "is no known data set (a CIFAR-10 .bin, an MNIST idx file, a .zip of images, a folder of any of them, or 'synthetic')");
    }
}

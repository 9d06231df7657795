using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>Opens data sets in all supported formats.</summary>
public static class ImageDataset
{
    /// <summary>Name of the data set that the program draws itself, see <see cref="SyntheticShapes"/>.</summary>
    public const string Synthetic = SyntheticShapes.Name;

    /// <summary>
    /// Reads a data set into memory and fits it to the model: the largest centred square of each image is padded with zeros if it is
    /// smaller by at most a quarter, otherwise resampled, and converted to gray or colour.
    /// </summary>
    /// <param name="spec">
    /// <c>synthetic</c>; a CIFAR-10 .bin file or a folder of data_batch_*.bin; an MNIST idx file of images, plain or gzip, or its folder;
    /// a folder of PNG and JPEG files with sub-folders as classes; a zip archive in EDM's layout.
    /// </param>
    /// <param name="resolution">Height and width of the model's images, in pixels; at least 1, for synthetic at least 8.</param>
    /// <param name="channels">Channels of the model's images: 1 for gray, 3 for colour.</param>
    /// <exception cref="ArgumentException">The specification is empty, or a number is out of range.</exception>
    /// <exception cref="InvalidFileException">The data set is missing, of another format, damaged, or too large for memory.</exception>
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

    private static IImageDataset OpenFolder(string path, ImageFit fit)
    {
        if (CifarReader.FindFiles(path) is { Length: > 0 } batches)
            return CifarReader.Read(path, batches, fit);
        if (MnistReader.FindImages(path) is string images)
            return MnistReader.Read(images, fit);
        using ImageFolder folder = new(path);
        return folder.ReadAll(fit);
    }

    private static IImageDataset OpenFile(string path, ImageFit fit)
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
        throw new InvalidFileException(path, "is no known data set (expected a CIFAR-10 .bin, an MNIST idx file, a .zip of images, a folder of any of them, or 'synthetic')");
    }
}

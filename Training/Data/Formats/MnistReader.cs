using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>Reads MNIST and data sets of its format: an idx file of images and an idx file of labels beside it (LeCun, Cortes, Burges).</summary>
internal static class MnistReader
{
    private const int MaxSide = 4096;

    /// <summary>Returns the file of training images in a folder; null if there is none.</summary>
    internal static string? FindImages(string folder) => Directory.GetFiles(folder)
        .Where(path => Path.GetFileName(path) is string name && name.Contains("images", StringComparison.Ordinal) && name.Contains("idx3", StringComparison.Ordinal))
        .OrderBy(path => !Path.GetFileName(path).StartsWith("train", StringComparison.Ordinal))
        .ThenBy(path => path, StringComparer.Ordinal)
        .FirstOrDefault();

    /// <summary>Reads a file of images, and the file of labels beside it if there is one.</summary>
    /// <exception cref="InvalidFileException">A file is missing or damaged, or images and labels differ in number.</exception>
    internal static ImageStore Read(string imagesPath, ImageFit fit)
    {
        string? labelsPath = FindLabels(imagesPath);
        using IdxFile images = IdxFile.Open(imagesPath, rank: 3);
        (int count, int height, int width) = (images.Extents[0], images.Extents[1], images.Extents[2]);
        if (height > MaxSide || width > MaxSide)
            throw new InvalidFileException(imagesPath, $"holds images of {height} x {width}, at most {MaxSide} x {MaxSide} are accepted");
        byte[]? labels = labelsPath is null ? null : ReadLabels(labelsPath, count);

        ImageStore store = new(imagesPath, count, fit.Resolution, fit.Channels);
        byte[] pixels = new byte[height * width];
        for (int i = 0; i < count; i++)
        {
            images.Read(pixels);
            fit.Apply(pixels, height, width, 1, store.Pixels(i));
        }

        images.ExpectEnd();
        if (labels is not null)
            store.SetLabels([.. labels.Select(label => (int)label)], labels.Max() + 1);
        return store;
    }

    private static string? FindLabels(string imagesPath)
    {
        string folder = Path.GetDirectoryName(imagesPath) ?? "";
        string name = Path.GetFileName(imagesPath);
        string labels = name.Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);
        if (labels == name)
            return null;
        string plain = labels.EndsWith(".gz", StringComparison.Ordinal) ? labels[..^3] : labels;
        return new[] { labels, plain, plain + ".gz" }.Select(candidate => Path.Combine(folder, candidate)).FirstOrDefault(File.Exists);
    }

    private static byte[] ReadLabels(string path, int imageCount)
    {
        using IdxFile file = IdxFile.Open(path, rank: 1);
        if (file.Extents[0] != imageCount)
            throw new InvalidFileException(path, $"holds {file.Extents[0]} labels for {imageCount} images");
        byte[] labels = new byte[imageCount];
        file.Read(labels);
        file.ExpectEnd();
        return labels;
    }
}

using System.Buffers.Binary;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Reads MNIST and data sets of its format (see <see cref="IdxSet"/>): an idx file of images and an idx file of labels beside it, one byte
/// an image, or as in QMNIST several 32-bit integers an image, the first of which is the class.
/// </summary>
internal static class MnistReader
{
    private const int MaxSide = 4096;
    private const int MaxLabel = 1 << 16;
    private const int MaxColumns = 64;

    /// <summary>Returns the file of training images in a folder; null if there is none.</summary>
    /// <exception cref="InvalidFileException">There are several, of different data sets.</exception>
    internal static string? FindImages(string folder) => IdxName.In(folder) is { Length: > 0 } files ? IdxName.Choose(folder, files).Path : null;

    /// <summary>What a file holds, without numbers of images and sizes.</summary>
    internal static DatasetDescription Describe(string imagesPath, int labelCount)
    {
        IdxName name = IdxName.Of(imagesPath);
        IdxSet set = IdxSet.Of(name);
        return new DatasetDescription(set.Name + (set.Transposed ? " (rows and columns exchanged)" : ""))
        {
            ClassNames = set.ClassNames(labelCount),
            Split = name.Describe(),
        };
    }

    /// <summary>Height and width of a file's images.</summary>
    /// <exception cref="InvalidFileException">The file is missing or damaged, or its images are not square.</exception>
    internal static int SideOf(string imagesPath)
    {
        using IdxFile images = IdxFile.Open(imagesPath, rank: 3);
        (int height, int width) = (images.Extents[1], images.Extents[2]);
        return height == width && height is > 0 and <= MaxSide ? height : throw new InvalidFileException(imagesPath, $"holds images of {height} x {width}, expected square ones");
    }

    /// <summary>Reads a file of images, and the file of labels beside it if there is one.</summary>
    /// <exception cref="InvalidFileException">A file is missing or damaged, or images and labels differ in number.</exception>
    internal static ImageStore Read(string imagesPath, ImageFit fit)
    {
        string? labelsPath = FindLabels(imagesPath);
        using IdxFile images = IdxFile.Open(imagesPath, rank: 3);
        (int count, int height, int width) = (images.Extents[0], images.Extents[1], images.Extents[2]);
        if (height > MaxSide || width > MaxSide)
            throw new InvalidFileException(imagesPath, $"holds images of {height} x {width}, at most {MaxSide} x {MaxSide} are accepted");
        int[]? labels = labelsPath is null ? null : ReadLabels(labelsPath, count);
        bool transposed = IdxSet.Of(IdxName.Of(imagesPath)).Transposed;

        ImageStore store = new(imagesPath, count, fit.Resolution, fit.Channels);
        byte[] pixels = new byte[height * width];
        byte[] upright = new byte[transposed ? pixels.Length : 0];
        for (int i = 0; i < count; i++)
        {
            images.Read(pixels);
            if (transposed)
            {
                Transpose(pixels, height, width, upright);
                fit.Apply(upright, width, height, 1, store.Pixels(i));
            }
            else
            {
                fit.Apply(pixels, height, width, 1, store.Pixels(i));
            }
        }

        images.ExpectEnd();
        if (labels is not null)
            store.SetLabels(labels, labels.Max() + 1);
        return store;
    }

    private static void Transpose(ReadOnlySpan<byte> pixels, int height, int width, Span<byte> upright)
    {
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                upright[x * height + y] = pixels[y * width + x];
        }
    }

    private static string? FindLabels(string imagesPath)
    {
        string folder = Path.GetDirectoryName(imagesPath) ?? "";
        string name = Path.GetFileName(imagesPath);
        string labels = name.Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);
        if (labels == name)
            return null;
        string plain = labels.EndsWith(".gz", StringComparison.Ordinal) ? labels[..^3] : labels;
        string integers = plain.Replace("idx1-ubyte", "idx2-int", StringComparison.Ordinal);
        return new[] { labels, plain, plain + ".gz", integers, integers + ".gz" }.Select(candidate => Path.Combine(folder, candidate)).FirstOrDefault(File.Exists);
    }

    private static int[] ReadLabels(string path, int imageCount)
    {
        bool integers = Path.GetFileName(path).Contains("idx2-int", StringComparison.Ordinal);
        using IdxFile file = integers ? IdxFile.Open(path, rank: 2, IdxFile.Int32) : IdxFile.Open(path, rank: 1);
        if (file.Extents[0] != imageCount)
            throw new InvalidFileException(path, $"holds {file.Extents[0]} labels for {imageCount} images");
        int[] labels = integers ? ReadFirstColumn(path, file) : ReadBytes(file);
        file.ExpectEnd();
        return labels;
    }

    private static int[] ReadBytes(IdxFile file)
    {
        byte[] labels = new byte[file.Extents[0]];
        file.Read(labels);
        return [.. labels.Select(label => (int)label)];
    }

    private static int[] ReadFirstColumn(string path, IdxFile file)
    {
        if (file.Extents[1] > MaxColumns)
            throw new InvalidFileException(path, $"holds {file.Extents[1]} numbers an image, at most {MaxColumns} are accepted");
        int[] labels = new int[file.Extents[0]];
        byte[] row = new byte[sizeof(int) * file.Extents[1]];
        for (int i = 0; i < labels.Length; i++)
        {
            file.Read(row);
            labels[i] = BinaryPrimitives.ReadInt32BigEndian(row);
            if (labels[i] is < 0 or > MaxLabel)
                throw new InvalidFileException(path, $"gives image {i} the class {labels[i]}, expected 0 to {MaxLabel}");
        }

        return labels;
    }
}

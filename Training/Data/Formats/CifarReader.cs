using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Reads CIFAR-10 and CIFAR-100 in their binary form (Krizhevsky 2009): records of one or two label bytes and 32 x 32 pixels as red, green
/// and blue planes.
/// </summary>
internal static class CifarReader
{
    private const int Side = 32;
    private const int Plane = Side * Side;

    /// <summary>Returns the training files of a folder, in order; empty if the folder holds no CIFAR-10.</summary>
    internal static string[] FindFiles(string folder)
    {
        string[] files = Directory.GetFiles(folder, "data_batch_*.bin");
        Array.Sort(files, StringComparer.Ordinal);
        return files;
    }

    /// <summary>Returns the training file of a folder that holds CIFAR-100; null if it holds none.</summary>
    internal static string? FindHundred(string folder)
    {
        string file = Path.Combine(folder, "train.bin");
        return File.Exists(file) && (File.Exists(Path.Combine(folder, CifarFormat.Hundred.NamesFile)) || File.Exists(Path.Combine(folder, "test.bin"))) ? file : null;
    }

    /// <summary>Reads files of CIFAR-10 one after another.</summary>
    /// <exception cref="InvalidFileException">A file is missing, empty, not a whole number of records, or holds a label above 9.</exception>
    internal static ImageStore Read(string path, IReadOnlyList<string> files, ImageFit fit) => Read(CifarFormat.Ten, path, files, fit);

    /// <summary>Reads files one after another.</summary>
    /// <exception cref="InvalidFileException">A file is missing, empty, not a whole number of records, or holds a label that is too large.</exception>
    internal static ImageStore Read(CifarFormat format, string path, IReadOnlyList<string> files, ImageFit fit)
    {
        long count = files.Sum(file => CountRecords(format, file, LengthOf(file)));
        ImageStore store = new(path, count, fit.Resolution, fit.Channels);
        int[] labels = new int[store.Count];
        int index = 0;
        foreach (string file in files)
        {
            using FileStream stream = InputFile.Open(file);
            int records = (int)Math.Min(stream.Length / format.RecordLength, store.Count - index);
            ReadRecords(format, file, stream.ReadExactly, store, labels.AsSpan(), index, records, fit);
            index += records;
        }

        if (index < store.Count)
            throw new InvalidFileException(path, "changed while it was read");
        store.SetLabels(labels, format.LabelCount);
        return store;
    }

    /// <summary>Reads one file, whichever of the two data sets it belongs to.</summary>
    /// <exception cref="InvalidFileException">See <see cref="Read(CifarFormat, string, IReadOnlyList{string}, ImageFit)"/>.</exception>
    internal static ImageStore ReadFile(string file, ImageFit fit) => Read(CifarFormat.OfFile(Path.GetFileName(file), LengthOf(file)), file, [file], fit);

    /// <summary>What files hold, without numbers of images and sizes.</summary>
    /// <param name="format">The data set.</param>
    /// <param name="files">The files that are read, at least one, in one folder.</param>
    internal static DatasetDescription Describe(CifarFormat format, IReadOnlyList<string> files)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(files[0]))!;
        string names = Path.Combine(folder, format.NamesFile);
        string[] others = [.. Directory.GetFiles(folder, "*.bin").Select(file => Path.GetFileName(file))
            .Where(file => CifarFormat.OfTrainingFile(file) is not null || file is "test_batch.bin" or "test.bin")
            .Except(files.Select(file => Path.GetFileName(file)), StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        string taken = files.Count == 1 ? $"file {Path.GetFileName(files[0])}" : $"files {Path.GetFileName(files[0])} to {Path.GetFileName(files[^1])}";
        return new DatasetDescription(format.Name)
        {
            ClassNames = format.ClassNames(File.Exists(names) ? InputFile.ReadAllBytes(names, CifarFormat.MaxNamesBytes) : null),
            Split = others.Length == 0 ? taken : $"{taken} ({string.Join(", ", others)} left out)",
        };
    }

    /// <summary>Returns the number of records in a file.</summary>
    /// <exception cref="InvalidFileException">The file is empty, or not a whole number of records.</exception>
    internal static long CountRecords(CifarFormat format, string file, long length)
    {
        if (length == 0)
            throw new InvalidFileException(file, "is empty");
        return length % format.RecordLength == 0
            ? length / format.RecordLength
            : throw new InvalidFileException(file, $"is {length} bytes long, not a multiple of {format.Name}'s record of {format.RecordLength}");
    }

    /// <summary>Reads records.</summary>
    /// <param name="format">The data set.</param>
    /// <param name="file">The file, for messages.</param>
    /// <param name="read">Reads the file's next bytes; throws <see cref="EndOfStreamException"/> at its end.</param>
    /// <param name="store">Receives the images.</param>
    /// <param name="labels">Receives the classes of all of the store's images.</param>
    /// <param name="first">Index in the store of the first record.</param>
    /// <param name="count">Number of records.</param>
    /// <param name="fit">Fits the images to the store.</param>
    /// <exception cref="InvalidFileException">The file ends too early, or holds a label that is too large.</exception>
    internal static void ReadRecords(
        CifarFormat format, string file, SpanReader read, ImageStore store, Span<int> labels, int first, int count, ImageFit fit)
    {
        byte[] record = new byte[format.RecordLength];
        byte[] pixels = new byte[3 * Plane];
        for (int i = 0; i < count; i++)
        {
            try
            {
                read(record);
            }
            catch (EndOfStreamException e)
            {
                throw new InvalidFileException(file, "changed while it was read", e);
            }

            int label = record[format.LabelBytes - 1];
            if (label >= format.LabelCount)
                throw new InvalidFileException(file, $"has label {label} in record {i}, expected 0 to {format.LabelCount - 1}");
            labels[first + i] = label;
            Interleave(record.AsSpan(format.LabelBytes), pixels);
            fit.Apply(pixels, Side, Side, 3, store.Pixels(first + i));
        }
    }

    private static long LengthOf(string file)
    {
        using FileStream stream = InputFile.Open(file);
        return stream.Length;
    }

    private static void Interleave(ReadOnlySpan<byte> planes, Span<byte> pixels)
    {
        for (int i = 0; i < Plane; i++)
        {
            pixels[3 * i] = planes[i];
            pixels[3 * i + 1] = planes[Plane + i];
            pixels[3 * i + 2] = planes[2 * Plane + i];
        }
    }

    /// <summary>Reads the next bytes of something.</summary>
    internal delegate void SpanReader(Span<byte> bytes);
}

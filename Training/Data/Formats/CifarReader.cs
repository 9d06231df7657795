using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Reads CIFAR-10 in its binary form (Krizhevsky 2009): records of one label byte and 32 x 32 pixels as red, green and blue planes.
/// </summary>
internal static class CifarReader
{
    private const int Side = 32;
    private const int Plane = Side * Side;
    private const int RecordLength = 1 + 3 * Plane;
    private const int LabelCount = 10;

    /// <summary>Returns the training files of a folder, in order; empty if the folder holds no CIFAR-10.</summary>
    internal static string[] FindFiles(string folder)
    {
        string[] files = Directory.GetFiles(folder, "data_batch_*.bin");
        Array.Sort(files, StringComparer.Ordinal);
        return files;
    }

    /// <summary>Reads files one after another.</summary>
    /// <exception cref="InvalidFileException">A file is missing, empty, not a whole number of records, or holds a label above 9.</exception>
    internal static ImageStore Read(string path, IReadOnlyList<string> files, ImageFit fit)
    {
        long count = files.Sum(CountRecords);
        ImageStore store = new(path, count, fit.Resolution, fit.Channels);
        int[] labels = new int[store.Count];
        byte[] record = new byte[RecordLength];
        byte[] pixels = new byte[3 * Plane];
        int index = 0;
        foreach (string file in files)
        {
            using FileStream stream = InputFile.Open(file);
            for (long left = stream.Length / RecordLength; left > 0; left--, index++)
            {
                if (stream.ReadAtLeast(record, RecordLength, throwOnEndOfStream: false) < RecordLength || index == store.Count)
                    throw new InvalidFileException(file, "changed while it was read");
                if (record[0] >= LabelCount)
                    throw new InvalidFileException(file, $"has label {record[0]} in record {stream.Position / RecordLength - 1}, expected 0 to 9");
                labels[index] = record[0];
                Interleave(record.AsSpan(1), pixels);
                fit.Apply(pixels, Side, Side, 3, store.Pixels(index));
            }
        }

        store.SetLabels(labels, LabelCount);
        return store;
    }

    private static long CountRecords(string file)
    {
        using FileStream stream = InputFile.Open(file);
        if (stream.Length == 0)
            throw new InvalidFileException(file, "is empty");
        return stream.Length % RecordLength == 0
            ? stream.Length / RecordLength
            : throw new InvalidFileException(file, $"is {stream.Length} bytes long, not a multiple of CIFAR-10's record of {RecordLength}");
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
}

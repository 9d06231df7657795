using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Reads CIFAR-10 and CIFAR-100 from the archives as they are downloaded (cifar-10-binary.tar.gz, cifar-100-binary.tar.gz), with the order
/// and the classes of the unpacked folder. The archive is read twice, first for its names, so that no file of it is held in memory.
/// </summary>
internal sealed class CifarArchive
{
    // CIFAR unpacks to some 180 MB; archives of other kinds are refused before hours of unpacking.
    private const long MaxBytes = 1L << 30;
    private const int MaxFiles = 64;

    private readonly string path;
    private readonly SortedDictionary<string, long> parts = new(StringComparer.Ordinal);
    private readonly List<string> others = [];
    private readonly CifarFormat format;
    private readonly byte[]? names;

    /// <summary>Lists an archive.</summary>
    /// <exception cref="InvalidFileException">The archive is missing or damaged, or holds something else.</exception>
    internal CifarArchive(string path)
    {
        this.path = path;
        string? python = null, first = null;
        CifarFormat? found = null;
        int files = 0;
        using TarFile tar = TarFile.Open(path, MaxBytes);
        while (files++ < MaxFiles && tar.Next())
        {
            string file = FileOf(tar);
            first ??= tar.Name;
            if (CifarFormat.OfTrainingFile(file) is { } part && (found ??= part) == part && parts.TryAdd(file, tar.Length))
                continue;
            if (file is "batches.meta.txt" or "fine_label_names.txt" && tar.Length <= CifarFormat.MaxNamesBytes)
                tar.Read(names = new byte[tar.Length]);
            else if (file.EndsWith(".bin", StringComparison.Ordinal))
                others.Add(file);
            else if (ForeignFormats.OfPython(tar.Name) is { } words)
                python ??= words;
        }

        format = found ?? throw new InvalidFileException(path, python is not null
            ? $"is an archive of {python}"
            : $"is a tar archive without CIFAR's binary files{(first is null ? "" : $" (the first file is '{first}')")}; unpack it and give the folder");
    }

    /// <summary>What was found, without numbers of images and sizes.</summary>
    internal DatasetDescription Description => new($"{format.Name} in a tar archive")
    {
        ClassNames = format.ClassNames(names),
        Split = (parts.Count == 1 ? $"file {parts.Keys.First()}" : $"files {parts.Keys.First()} to {parts.Keys.Last()}")
            + (others.Count == 0 ? "" : $" ({string.Join(", ", others.Order(StringComparer.Ordinal))} left out)"),
    };

    /// <summary>Reads all images, file by file in the order of the files' names.</summary>
    /// <exception cref="InvalidFileException">A file is empty, not a whole number of records, or holds a label that is too large; or the archive is damaged.</exception>
    internal ImageStore ReadAll(ImageFit fit)
    {
        Dictionary<string, (int First, int Count)> places = new(StringComparer.Ordinal);
        long count = 0;
        foreach ((string file, long length) in parts)
        {
            long records = CifarReader.CountRecords(format, Named(file), length);
            places.Add(file, ((int)count, (int)records));
            count += records;
        }

        ImageStore store = new(path, count, fit.Resolution, fit.Channels);
        int[] labels = new int[store.Count];
        using TarFile tar = TarFile.Open(path, MaxBytes);
        while (tar.Next())
        {
            if (!places.Remove(FileOf(tar), out (int First, int Count) place))
                continue;
            if (tar.Length != (long)place.Count * format.RecordLength)
                throw new InvalidFileException(path, "changed while it was read");
            CifarReader.ReadRecords(format, Named(FileOf(tar)), tar.Read, store, labels, place.First, place.Count, fit);
        }

        if (places.Count > 0)
            throw new InvalidFileException(path, "changed while it was read");
        store.SetLabels(labels, format.LabelCount);
        return store;
    }

    private static string FileOf(TarFile tar) => tar.Name[(tar.Name.LastIndexOf('/') + 1)..];

    private string Named(string file) => $"{path} ({file})";
}

namespace TrigFlowNative.Training.Data;

/// <summary>Formats that are not read but often met, so that a refusal can say what a file is and what to do with it.</summary>
internal static class ForeignFormats
{
    private const string Unpack = "which must be unpacked first; give the folder";

    private static readonly (string[] Endings, string Words)[] ByEnding =
    [
        ([".npz"], "NumPy arrays, which are not read; export PNG files"),
        ([".npy"], "a single NumPy array; give its folder, if it holds latents, or export PNG files"),
        ([".pt", ".pth", ".ckpt"], "a PyTorch file, which is not read; export PNG files"),
        ([".safetensors"], "weights, not images"),
        ([".mdb", ".lmdb"], "an LMDB database, which is not read; export PNG files"),
        ([".tfrecord", ".tfrecords"], "TFRecord files, which are not read; export PNG files"),
        ([".parquet"], "a Parquet table, which is not read; export PNG files"),
        ([".arrow", ".feather"], "an Arrow table, which is not read; export PNG files"),
        ([".h5", ".hdf5"], "an HDF5 file, which is not read; export PNG files"),
        ([".mat"], "a MATLAB file, which is not read; export PNG files"),
        ([".pkl", ".pickle"], "a Python pickle, which is not read; export PNG files"),
        ([".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"], $"a tar archive, {Unpack}"),
        ([".7z"], $"a 7-Zip archive, {Unpack}"),
        ([".rar"], $"a RAR archive, {Unpack}"),
        ([".bz2"], "a bzip2 file, which must be unpacked first"),
        ([".xz"], "an xz file, which must be unpacked first"),
        ([".zst"], "a Zstandard file, which must be unpacked first"),
        ([".zip"], "a zip archive; give that file itself"),
        ([".mp4", ".avi", ".mov", ".mkv", ".webm"], "a video, which is not read; export its frames as PNG files"),
        ([".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif", ".jp2", ".jxl"], "an image in a format that is not read; convert it to PNG"),
    ];

    private static readonly (byte[] Head, string Words)[] ByHead =
    [
        ([.. "7z"u8, 0xbc, 0xaf, 0x27, 0x1c], $"a 7-Zip archive, {Unpack}"),
        ([.. "Rar!"u8, 0x1a], $"a RAR archive, {Unpack}"),
        ([.. "BZh"u8], "a bzip2 file, which must be unpacked first"),
        ([0xfd, .. "7zXZ"u8, 0], "an xz file, which must be unpacked first"),
        ([0x28, 0xb5, 0x2f, 0xfd], "a Zstandard file, which must be unpacked first"),
        ([.. "PAR1"u8], "a Parquet table, which is not read; export PNG files"),
        ([.. "ARROW1"u8], "an Arrow table, which is not read; export PNG files"),
        ([0x89, .. "HDF"u8], "an HDF5 file, which is not read; export PNG files"),
        ([0x93, .. "NUMPY"u8], "a single NumPy array; give its folder, if it holds latents, or export PNG files"),
        ([0x89, .. "PNG"u8], "a single image; give its folder"),
        ([0xff, 0xd8, 0xff], "a single image; give its folder"),
        ([0x80, 2], "a Python pickle, which is not read; export PNG files"),
        ([0x80, 3], "a Python pickle, which is not read; export PNG files"),
        ([0x80, 4], "a Python pickle, which is not read; export PNG files"),
    ];

    /// <summary>What a file is by its name, in words that follow "is" or "it holds"; null for names of no such format, of texts and of what is read.</summary>
    internal static string? OfName(string name)
    {
        string file = Path.GetFileName(name);
        if (OfPython(name) is { } python)
            return python;
        if (file.Contains(".tfrecord-", StringComparison.OrdinalIgnoreCase))
            return OfName("x.tfrecord");
        if (file is "cifar-10-binary.tar.gz" or "cifar-100-binary.tar.gz")
            return $"{file}; give that file itself";
        if (file.StartsWith("data_batch_", StringComparison.Ordinal) && file.EndsWith(".bin", StringComparison.Ordinal))
            return "CIFAR's binary files; give their folder, unpacked";
        string? found = null;
        int longest = 0;
        foreach ((string[] endings, string words) in ByEnding)
        {
            int length = endings.Where(ending => file.EndsWith(ending, StringComparison.OrdinalIgnoreCase)).Select(ending => ending.Length).DefaultIfEmpty().Max();
            if (length > longest)
                (found, longest) = (words, length);
        }

        return found is null && file.Contains("idx3", StringComparison.Ordinal) ? "idx files; give their folder, unpacked" : found;
    }

    /// <summary>What a file is by its name if it belongs to CIFAR's version for Python; null if it doesn't.</summary>
    internal static string? OfPython(string name)
    {
        string file = Path.GetFileName(name);
        if (file is "data_batch_1" or "cifar-10-python.tar.gz" || name.EndsWith("cifar-10-batches-py/batches.meta", StringComparison.Ordinal))
            return "CIFAR-10 for Python, which is not read; take its binary version, cifar-10-binary.tar.gz";
        if (file is "cifar-100-python.tar.gz" || name.EndsWith("cifar-100-python/train", StringComparison.Ordinal))
            return "CIFAR-100 for Python, which is not read; take its binary version, cifar-100-binary.tar.gz";
        return null;
    }

    /// <summary>What a file is by its first bytes, in words that follow "is"; null if they are not known.</summary>
    internal static string? OfHead(ReadOnlySpan<byte> head)
    {
        foreach ((byte[] known, string words) in ByHead)
        {
            if (head.StartsWith(known))
                return words;
        }

        return null;
    }
}

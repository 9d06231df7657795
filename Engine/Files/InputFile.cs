namespace TrigFlowNative.Engine;

/// <summary>Opens files from outside, and reports failures to do so as <see cref="InvalidFileException"/>.</summary>
public static class InputFile
{
    /// <summary>Opens <paramref name="path"/> for reading from its start.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is absent, a folder, or not readable.</exception>
    public static FileStream Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            throw new InvalidFileException(path, "is a folder, expected a file");
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InvalidFileException(path, "no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InvalidFileException(path, $"cannot be opened ({e.Message})", e);
        }
    }

    /// <summary>Reads a whole file of at most <paramref name="maxBytes"/> bytes.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is absent, not readable, too long, or becomes shorter during the read.</exception>
    public static byte[] ReadAllBytes(string path, long maxBytes)
    {
        using FileStream stream = Open(path);
        if (stream.Length > maxBytes || stream.Length > Array.MaxLength)
            throw new InvalidFileException(path, $"is {stream.Length} bytes long, at most {Math.Min(maxBytes, Array.MaxLength)} are accepted");
        byte[] bytes = new byte[stream.Length];
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new InvalidFileException(path, "became shorter while it was read");
        return bytes;
    }
}

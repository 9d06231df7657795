namespace TrigFlowNative.Engine;

/// <summary>Opens files from outside, and reports failures to do so as <see cref="InvalidFileException"/>.</summary>
public static class InputFile
{
    // .NET decodes names as UTF-8 and puts this character where the bytes are none; the name then leads nowhere.
    private const char NotDecoded = '\uFFFD';

    /// <summary>Opens <paramref name="path"/> for reading from its start.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">
    /// The file is absent, a folder, not readable, or no regular file: a pipe, a socket and a device have no length, and opening a pipe may
    /// wait for ever, so they are refused before they are opened.
    /// </exception>
    public static FileStream Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        CheckKind(path);
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

    /// <summary>Whether nothing stands under a path because its name, as .NET decoded it, is not what stands on the disk.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static bool IsNotUtf8(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return path.Contains(NotDecoded, StringComparison.Ordinal) && FileStatus.Of(path, follow: false).Kind == FileKind.Absent;
    }

    /// <summary>Creates the exception for a path that <see cref="IsNotUtf8"/>.</summary>
    public static InvalidFileException RefuseName(string path) =>
        new(path, "has a name with bytes that are not UTF-8, under which .NET cannot open it; rename it (each such byte shows as one character here)");

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

    private static void CheckKind(string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new InvalidFileException(path, "no such file: its name has a character of the code 0");
        switch (FileStatus.Of(path).Kind)
        {
            case FileKind.Folder:
                throw new InvalidFileException(path, "is a folder, expected a file");
            case FileKind.Pipe:
                throw new InvalidFileException(path, "is a pipe, expected a file");
            case FileKind.Socket:
                throw new InvalidFileException(path, "is a socket, expected a file");
            case FileKind.Device:
                throw new InvalidFileException(path, "is a device, expected a file");
            case FileKind.Absent when FileStatus.Of(path, follow: false).Kind == FileKind.Link:
                throw new InvalidFileException(path, $"no such file: it is a link to '{new FileInfo(path).LinkTarget}', which is not there");
            case FileKind.Absent when IsNotUtf8(path):
                throw RefuseName(path);
        }
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Files;

/// <summary>Reads the files of a folder, each opened for itself.</summary>
/// <param name="folder">The folder.</param>
/// <param name="names">Names below the folder.</param>
/// <param name="maxBytes">Largest length that is accepted.</param>
internal sealed class FolderReader(string folder, IReadOnlyList<string> names, long maxBytes) : IEntryReader
{
    public long Length(int index) => new FileInfo(FullName(index)) is { Exists: true } file ? file.Length : 0;

    public RentedBytes Read(int index)
    {
        string path = FullName(index);
        using FileStream stream = InputFile.Open(path);
        long length = stream.Length;
        if (length > maxBytes)
            throw new InvalidFileException(path, $"is {length} bytes long, at most {maxBytes} are accepted");
        RentedBytes bytes = new((int)length);
        try
        {
            if (stream.ReadAtLeast(bytes.Span, bytes.Span.Length, throwOnEndOfStream: false) == bytes.Span.Length)
                return bytes;
        }
        catch (IOException e)
        {
            bytes.Dispose();
            throw new InvalidFileException(path, $"cannot be read ({e.Message})", e);
        }

        bytes.Dispose();
        throw new InvalidFileException(path, "became shorter while it was read");
    }

    public InvalidFileException Refuse(int index, string reason, Exception? inner = null) => new(FullName(index), reason, inner);

    public void Dispose()
    {
    }

    private string FullName(int index) => Path.Combine(folder, names[index]);
}

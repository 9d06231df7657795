using System.IO.Compression;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>The first bytes of a file, and of what it unpacks to if it is gzip, by which files are told that have any name.</summary>
internal sealed class FileHead
{
    // A tar archive's first header.
    private const int Length = 512;

    private readonly byte[] bytes;

    private FileHead(byte[] bytes, bool isGzip) => (this.bytes, IsGzip) = (bytes, isGzip);

    /// <summary>The bytes behind gzip's packing; fewer than 512 if the file is shorter or damaged.</summary>
    internal ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>Whether the file is gzip.</summary>
    internal bool IsGzip { get; }

    /// <summary>Reads a file's first bytes.</summary>
    /// <exception cref="InvalidFileException">The file is missing or not readable.</exception>
    internal static FileHead Of(string path)
    {
        using FileStream file = InputFile.Open(path);
        byte[] head = Read(file);
        if (head is not [0x1f, 0x8b, ..])
            return new FileHead(head, isGzip: false);
        file.Position = 0;
        using GZipStream gzip = new(file, CompressionMode.Decompress);
        try
        {
            return new FileHead(Read(gzip), isGzip: true);
        }
        catch (InvalidDataException)
        {
            return new FileHead([], isGzip: true);
        }
    }

    private static byte[] Read(Stream stream)
    {
        byte[] head = new byte[Length];
        return head[..stream.ReadAtLeast(head, Length, throwOnEndOfStream: false)];
    }
}

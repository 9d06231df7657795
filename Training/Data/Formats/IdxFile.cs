using System.Buffers.Binary;
using System.IO.Compression;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// One idx file of unsigned bytes, plain or gzip: 0, 0, type 8, number of extents, the extents as big-endian 32-bit numbers, the data.
/// </summary>
internal sealed class IdxFile : IDisposable
{
    private const int UnsignedByte = 8;

    private readonly string path;
    private readonly FileStream file;
    private readonly Stream content;

    private IdxFile(string path, FileStream file, Stream content)
    {
        this.path = path;
        this.file = file;
        this.content = content;
    }

    /// <summary>The extents, slowest first; their product of bytes follows.</summary>
    internal int[] Extents { get; private set; } = [];

    /// <summary>Whether the file begins like gzip or like idx.</summary>
    internal static bool LooksRight(string path)
    {
        Span<byte> head = stackalloc byte[4];
        using FileStream file = InputFile.Open(path);
        return file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length
            && (head is [0x1f, 0x8b, ..] || head is [0, 0, UnsignedByte, _]);
    }

    /// <summary>Opens a file and checks that it can hold what its extents promise.</summary>
    /// <param name="path">Recognised as gzip by its first bytes, not by its name.</param>
    /// <param name="rank">Number of extents it must have: 3 for images, 1 for labels.</param>
    /// <exception cref="InvalidFileException">Another kind of file, damaged, or with extents that lie.</exception>
    internal static IdxFile Open(string path, int rank)
    {
        FileStream file = InputFile.Open(path);
        bool compressed = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        IdxFile idx = new(path, file, compressed ? new GZipStream(file, CompressionMode.Decompress) : file);
        try
        {
            idx.ReadHead(rank, compressed);
            return idx;
        }
        catch
        {
            idx.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next bytes of the data.</summary>
    /// <exception cref="InvalidFileException">The data end before.</exception>
    internal void Read(Span<byte> bytes)
    {
        try
        {
            if (content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
                throw new InvalidFileException(path, "is truncated");
        }
        catch (InvalidDataException e)
        {
            throw new InvalidFileException(path, "is damaged gzip", e);
        }
    }

    /// <summary>Demands that everything has been read.</summary>
    /// <exception cref="InvalidFileException">More bytes follow, or gzip's checksum fails.</exception>
    internal void ExpectEnd()
    {
        try
        {
            if (content.ReadByte() >= 0)
                throw new InvalidFileException(path, "holds more bytes than its extents say");
        }
        catch (InvalidDataException e)
        {
            throw new InvalidFileException(path, "is damaged gzip", e);
        }
    }

    public void Dispose()
    {
        content.Dispose();
        file.Dispose();
    }

    private void ReadHead(int rank, bool compressed)
    {
        Span<byte> head = stackalloc byte[4 + 4 * rank];
        Read(head[..4]);
        if (head[0] != 0 || head[1] != 0 || head[2] != UnsignedByte || head[3] != rank)
            throw new InvalidFileException(path, $"has the magic number 0x{BinaryPrimitives.ReadUInt32BigEndian(head):x8}, expected 0x{(UnsignedByte << 8) + rank:x8}");
        Read(head[4..]);
        Extents = new int[rank];
        Int128 length = 1;
        for (int i = 0; i < rank; i++)
        {
            Extents[i] = BinaryPrimitives.ReadInt32BigEndian(head[(4 + 4 * i)..]);
            if (Extents[i] < 1)
                throw new InvalidFileException(path, $"has the extent {Extents[i]}");
            length *= Extents[i];
        }

        // Before anything is allocated: what the extents promise must be able to come out of this file.
        long available = compressed ? BoundedZip.MaxExpansion * file.Length : file.Length - head.Length;
        if (compressed ? length > available : length != available)
            throw new InvalidFileException(path, $"is {file.Length} bytes long, its extents {string.Join(" x ", Extents)} do not fit");
    }
}

using System.Buffers.Binary;
using System.IO.Compression;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// One idx file, plain or gzip. It holds 0, 0, the type (8 for unsigned bytes, 12 for big-endian 32-bit integers), the number of extents, the
/// extents as big-endian 32-bit numbers, and the data.
/// </summary>
internal sealed class IdxFile : IDisposable
{
    /// <summary>Type of unsigned bytes.</summary>
    internal const int UnsignedByte = 8;

    /// <summary>Type of big-endian signed 32-bit integers.</summary>
    internal const int Int32 = 12;

    private readonly string path;
    private readonly FileStream file;
    private readonly Stream content;

    private IdxFile(string path, FileStream file, Stream content)
    {
        this.path = path;
        this.file = file;
        this.content = content;
    }

    /// <summary>Extents of the data, slowest first; the data has as many elements as their product.</summary>
    internal int[] Extents { get; private set; } = [];

    /// <summary>Whether a file begins like gzip or idx.</summary>
    internal static bool LooksRight(string path)
    {
        Span<byte> head = stackalloc byte[4];
        using FileStream file = InputFile.Open(path);
        return file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length
            && (head is [0x1f, 0x8b, ..] || head is [0, 0, UnsignedByte, _]);
    }

    /// <summary>Opens a file and checks that its length fits its extents.</summary>
    /// <param name="path">The file; its first bytes, not its name, tell whether it is gzip.</param>
    /// <param name="rank">Required number of extents: 3 for images, 1 for labels.</param>
    /// <param name="type">Required type of the elements: <see cref="UnsignedByte"/> or <see cref="Int32"/>.</param>
    /// <exception cref="InvalidFileException">The file is missing, of another kind, damaged, or its length does not fit its extents.</exception>
    internal static IdxFile Open(string path, int rank, int type = UnsignedByte)
    {
        FileStream file = InputFile.Open(path);
        bool compressed = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        IdxFile idx = new(path, file, compressed ? new GZipStream(file, CompressionMode.Decompress) : file);
        try
        {
            idx.ReadHead(rank, type, compressed);
            return idx;
        }
        catch
        {
            idx.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next bytes of the data.</summary>
    /// <exception cref="InvalidFileException">The data end too early, or gzip is damaged.</exception>
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

    /// <summary>Checks that all data have been read.</summary>
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

    private void ReadHead(int rank, int type, bool compressed)
    {
        Span<byte> head = stackalloc byte[4 + 4 * rank];
        Read(head[..4]);
        if (head[0] != 0 || head[1] != 0 || head[2] != type || head[3] != rank)
            throw new InvalidFileException(path, $"has the magic number 0x{BinaryPrimitives.ReadUInt32BigEndian(head):x8}, expected 0x{(type << 8) + rank:x8}");
        Read(head[4..]);
        Extents = new int[rank];
        Int128 length = type == Int32 ? sizeof(int) : 1;
        for (int i = 0; i < rank; i++)
        {
            Extents[i] = BinaryPrimitives.ReadInt32BigEndian(head[(4 + 4 * i)..]);
            if (Extents[i] < 1)
                throw new InvalidFileException(path, $"has the extent {Extents[i]}");
            length *= Extents[i];
        }

        // Checked before anything is allocated: the file must be able to hold as many bytes as its extents say.
        long available = compressed ? BoundedZip.MaxExpansion * file.Length : file.Length - head.Length;
        if (compressed ? length > available : length != available)
            throw new InvalidFileException(path, $"is {file.Length} bytes long, its extents {string.Join(" x ", Extents)} do not fit");
    }
}

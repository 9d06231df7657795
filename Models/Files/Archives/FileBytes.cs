using System.Buffers;
using Microsoft.Win32.SafeHandles;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>A run of bytes of a file.</summary>
/// <param name="Start">Position of the first byte.</param>
/// <param name="Length">Number of bytes.</param>
internal readonly record struct ByteRange(long Start, long Length)
{
    /// <summary>Position behind the last byte.</summary>
    public long End => Start + Length;

    /// <summary>A run within this one, which must hold it.</summary>
    public ByteRange Slice(long start, long length) => new(Start + start, length);
}

/// <summary>
/// A file from outside that is read by position, so that a file of gigabytes costs only what is asked of it. Safe from several threads.
/// </summary>
internal sealed class FileBytes : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly FileStream stream;
    private readonly SafeFileHandle handle;

    private FileBytes(string path, FileStream stream)
    {
        Path = path;
        this.stream = stream;
        handle = stream.SafeFileHandle;
        Length = stream.Length;
    }

    /// <summary>The path as given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>Number of bytes when the file was opened.</summary>
    public long Length { get; }

    /// <summary>All bytes.</summary>
    public ByteRange All => new(0, Length);

    /// <summary>The file as a stream that shares no position with anything else; the caller disposes of it.</summary>
    /// <exception cref="InvalidFileException">The file is gone.</exception>
    public FileStream OpenStream() => InputFile.Open(Path);

    /// <summary>Opens a file.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is absent, a folder, not readable, or no regular file.</exception>
    public static FileBytes Open(string path) => new(path, InputFile.Open(path));

    /// <summary>Creates the exception that refuses the file.</summary>
    public InvalidFileException Refuse(string reason, Exception? inner = null) => new(Path, reason, inner);

    /// <summary>Reads bytes from a position; returns how many there were before the end.</summary>
    public int ReadUpTo(long position, Span<byte> into)
    {
        int done = 0;
        while (done < into.Length && RandomAccess.Read(handle, into[done..], position + done) is > 0 and int read)
            done += read;
        return done;
    }

    /// <summary>Reads exactly as many bytes as fit.</summary>
    /// <exception cref="InvalidFileException">The file ends before.</exception>
    public void Read(long position, Span<byte> into)
    {
        if (ReadUpTo(position, into) < into.Length)
            throw Refuse($"ends within the {into.Length} bytes at {position}");
    }

    /// <summary>Reads a run of bytes, which the caller has checked against a limit.</summary>
    /// <exception cref="InvalidFileException">The file ends before.</exception>
    public byte[] Read(ByteRange range)
    {
        byte[] bytes = new byte[range.Length];
        Read(range.Start, bytes);
        return bytes;
    }

    /// <summary>Hands a run of bytes on, in pieces of at most 1 MiB whose length is a multiple of 8 apart from the last.</summary>
    /// <exception cref="InvalidFileException">The file ends before.</exception>
    public void ReadPieces(ByteRange range, Action<ReadOnlyMemory<byte>> take)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            for (long at = range.Start; at < range.End;)
            {
                int count = (int)Math.Min(ChunkBytes, range.End - at);
                Read(at, buffer.AsSpan(0, count));
                take(buffer.AsMemory(0, count));
                at += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => stream.Dispose();
}

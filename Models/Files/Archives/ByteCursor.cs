namespace TrigFlowNative.Models;

/// <summary>Reads a run of a file's bytes in order through a small buffer. The caller checks <see cref="Left"/> before it reads.</summary>
/// <param name="file">The file.</param>
/// <param name="range">The bytes.</param>
internal sealed class ByteCursor(FileBytes file, ByteRange range)
{
    private const int BufferBytes = 1 << 14;

    private readonly byte[] buffer = new byte[(int)Math.Min(BufferBytes, range.Length)];
    private long bufferStart = range.Start;
    private int buffered;

    /// <summary>Position in the file of the next byte.</summary>
    public long Position { get; private set; } = range.Start;

    /// <summary>Bytes before the end.</summary>
    public long Left => range.End - Position;

    /// <summary>Reads bytes, of which as many must be left.</summary>
    public void Read(Span<byte> into)
    {
        if (into.Length > buffer.Length / 2)
        {
            file.Read(Position, into);
        }
        else
        {
            if (Position < bufferStart || Position + into.Length > bufferStart + buffered)
            {
                bufferStart = Position;
                buffered = (int)Math.Min(buffer.Length, Left);
                file.Read(Position, buffer.AsSpan(0, buffered));
            }

            buffer.AsSpan((int)(Position - bufferStart), into.Length).CopyTo(into);
        }

        Position += into.Length;
    }

    /// <summary>Passes over bytes, of which as many must be left, and returns where they lie.</summary>
    public ByteRange Skip(long length)
    {
        ByteRange skipped = new(Position, length);
        Position += length;
        return skipped;
    }
}

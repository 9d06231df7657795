using System.Buffers.Binary;
using System.Text;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// The bytes of one pickle within a file, read in order through a small buffer. It knows at which opcode the reader is, so that every complaint names opcode and place.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="range">Where the pickle begins, and where it must have ended.</param>
/// <param name="name">What the pickle is called in messages; empty for a file that is one.</param>
internal sealed class PickleInput(FileBytes file, ByteRange range, string name)
{
    private const int LongestLine = 512;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ByteCursor cursor = new(file, range);
    private long opcodeStart = range.Start;
    private PickleOpcode? opcode;

    /// <summary>Position in the file of the next byte.</summary>
    public long Position => cursor.Position;

    /// <summary>Bytes before the end.</summary>
    public long Left => cursor.Left;

    /// <summary>Reads an opcode.</summary>
    public PickleOpcode NextOpcode()
    {
        (opcodeStart, opcode) = (Position, null);
        if (Left == 0)
            throw Refuse("ends without STOP");
        PickleOpcode next = (PickleOpcode)ReadByte();
        opcode = next;
        return next;
    }

    /// <summary>Reads a byte.</summary>
    public byte ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        Read(one);
        return one[0];
    }

    /// <summary>Reads a little-endian number.</summary>
    public ushort ReadUInt16()
    {
        Span<byte> bytes = stackalloc byte[2];
        Read(bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    /// <summary>Reads a little-endian number.</summary>
    public int ReadInt32()
    {
        Span<byte> bytes = stackalloc byte[4];
        Read(bytes);
        return BinaryPrimitives.ReadInt32LittleEndian(bytes);
    }

    /// <summary>Reads a little-endian number.</summary>
    public ulong ReadUInt64()
    {
        Span<byte> bytes = stackalloc byte[8];
        Read(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Reads a big-endian double.</summary>
    public double ReadDouble()
    {
        Span<byte> bytes = stackalloc byte[8];
        Read(bytes);
        return BinaryPrimitives.ReadDoubleBigEndian(bytes);
    }

    /// <summary>Reads a little-endian number in two's complement of up to 16 bytes.</summary>
    public Int128 ReadInteger(int length)
    {
        if (length > 16)
            throw Refuse($"has a number of {length} bytes, at most 16 are accepted");
        Span<byte> bytes = stackalloc byte[16];
        Read(bytes[..length]);
        if (length > 0 && (bytes[length - 1] & 0x80) != 0)
            bytes[length..].Fill(0xff);
        return BinaryPrimitives.ReadInt128LittleEndian(bytes);
    }

    /// <summary>Reads a string of a length that the caller has checked.</summary>
    public string ReadText(int length)
    {
        CheckLeft((ulong)length);
        byte[] bytes = new byte[length];
        Read(bytes);
        return Decode(bytes);
    }

    /// <summary>Reads a line of a name, without its end.</summary>
    public string ReadLine()
    {
        Span<byte> line = stackalloc byte[LongestLine];
        for (int length = 0; length < LongestLine; length++)
        {
            line[length] = ReadByte();
            if (line[length] == '\n')
                return Decode(line[..length]);
        }

        throw Refuse($"has a name of more than {LongestLine - 1} bytes");
    }

    /// <summary>Passes over bytes and returns where they lie.</summary>
    public ByteRange Skip(ulong length)
    {
        CheckLeft(length);
        return cursor.Skip((long)length);
    }

    /// <summary>Refuses a length that the rest does not have.</summary>
    public void CheckLeft(ulong length)
    {
        if (length > (ulong)Left)
            throw Refuse($"declares {length} bytes, but {Left} are left");
    }

    /// <summary>Creates the exception that refuses the pickle at the present opcode.</summary>
    public InvalidFileException Refuse(string reason)
    {
        string pickle = name.Length == 0 ? "" : $"{name}: ", place = opcode is { } known ? $"{known.Name()} at byte {opcodeStart - range.Start}" : $"the pickle at byte {opcodeStart - range.Start}";
        return file.Refuse($"{pickle}{place} {reason}");
    }

    private string Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Refuse("has a string that is not UTF-8");
        }
    }

    private void Read(Span<byte> into)
    {
        CheckLeft((ulong)into.Length);
        cursor.Read(into);
    }
}

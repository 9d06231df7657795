namespace TrigFlowNative.Models;

/// <summary>
/// Reads the fields of one message of protocol buffers (protobuf.dev, "Encoding"): numbers, and runs of bytes whose place is all that is kept. Groups are refused.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="range">The message.</param>
/// <param name="budget">Counts the fields of all messages of the file.</param>
internal sealed class ProtobufReader(FileBytes file, ByteRange range, ProtobufBudget budget)
{
    /// <summary>Types of fields.</summary>
    public const int Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5;

    private readonly ByteCursor cursor = new(file, range);

    /// <summary>Number of the field that was found last.</summary>
    public int Field { get; private set; }

    /// <summary>Its type.</summary>
    public int Type { get; private set; }

    /// <summary>Whether bytes are left.</summary>
    public bool HasMore => cursor.Left > 0;

    /// <summary>Finds the next field, whose content must then be read or skipped; false at the end.</summary>
    public bool Next()
    {
        if (!HasMore)
            return false;
        if (--budget.Fields < 0)
            throw file.Refuse("has more fields than are accepted");
        ulong tag = ReadNumber();
        (Field, Type) = ((int)Math.Min(tag >> 3, int.MaxValue), (int)(tag & 7));
        return Field is > 0 and < 1 << 29 && Type is Varint or Fixed64 or Bytes or Fixed32 ? true : throw Refuse($"has a field {Field} of the type {Type}");
    }

    /// <summary>Reads a number of up to ten bytes.</summary>
    public ulong ReadNumber()
    {
        ulong value = 0;
        Span<byte> one = stackalloc byte[1];
        for (int shift = 0; shift < 70; shift += 7)
        {
            if (cursor.Left == 0)
                throw Refuse("ends within a number");
            cursor.Read(one);
            if (shift == 63 && one[0] > 1)
                break;
            value |= (ulong)(one[0] & 0x7f) << shift;
            if (one[0] < 0x80)
                return value;
        }

        throw Refuse("has a number of more than 64 bits");
    }

    /// <summary>Passes over a run of bytes and returns where it lies.</summary>
    public ByteRange ReadBytes()
    {
        ulong length = ReadNumber();
        return length <= (ulong)cursor.Left ? cursor.Skip((long)length) : throw Refuse($"declares {length} bytes, but {cursor.Left} are left");
    }

    /// <summary>Passes over the content of the field.</summary>
    public void Skip()
    {
        switch (Type)
        {
            case Varint: ReadNumber(); break;
            case Bytes: ReadBytes(); break;
            default:
                int length = Type == Fixed64 ? 8 : 4;
                if (cursor.Left < length)
                    throw Refuse("ends within a number");
                cursor.Skip(length);
                break;
        }
    }

    private Engine.InvalidFileException Refuse(string reason) => file.Refuse($"the message at byte {range.Start} {reason} (before byte {cursor.Position})");
}

/// <summary>Fields that may still be read of a file.</summary>
internal sealed class ProtobufBudget
{
    /// <summary>Their number.</summary>
    public int Fields { get; set; } = 2_000_000;
}

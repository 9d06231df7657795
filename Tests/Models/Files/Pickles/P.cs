using System.Buffers.Binary;
using System.Text;

namespace TrigFlowNative.Tests.Models;

/// <summary>Pieces of pickles, written by hand from Lib/pickletools.py: each puts one value on the machine's stack. A pickle is <see cref="Pickle"/> around one piece.</summary>
internal static class P
{
    public static byte[] None => "N"u8.ToArray();

    public static byte[] True => [0x88];

    public static byte[] False => [0x89];

    public static byte[] Join(params byte[][] pieces) => [.. pieces.SelectMany(piece => piece)];

    /// <summary>A whole pickle of one value.</summary>
    public static byte[] Pickle(byte[] value, byte protocol = 2) => Join([0x80, protocol], value, "."u8.ToArray());

    public static byte[] Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return Join("X"u8.ToArray(), U32((uint)bytes.Length), bytes);
    }

    /// <summary>A string as protocol 4 writes it.</summary>
    public static byte[] ShortText(string text) => Join([0x8c, (byte)Encoding.UTF8.GetByteCount(text)], Encoding.UTF8.GetBytes(text));

    public static byte[] Int(long value)
    {
        if (value is >= 0 and < 256)
            return [(byte)'K', (byte)value];
        if (value is >= int.MinValue and <= int.MaxValue)
            return Join("J"u8.ToArray(), U32((uint)value));
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Join([0x8a, 8], bytes);
    }

    public static byte[] Real(double value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        return Join("G"u8.ToArray(), bytes);
    }

    /// <summary>Bytes, as protocols 3 and 4 write short and long ones.</summary>
    public static byte[] Bytes(byte[] content) => content.Length < 256
        ? Join([(byte)'C', (byte)content.Length], content)
        : Join("B"u8.ToArray(), U32((uint)content.Length), content);

    public static byte[] Bytearray(byte[] content) => Join([0x96], U64((ulong)content.Length), content);

    public static byte[] Tuple(params byte[][] items) => items.Length == 0 ? ")"u8.ToArray() : Join("("u8.ToArray(), Join(items), "t"u8.ToArray());

    public static byte[] List(params byte[][] items) => Join("](", items, "e");

    public static byte[] Set(params byte[][] items) => Join([0x8f, (byte)'('], Join(items), [0x90]);

    public static byte[] Dict(params (byte[] Key, byte[] Value)[] entries) => Join("}(", [.. entries.Select(entry => Join(entry.Key, entry.Value))], "u");

    public static byte[] Dict(params (string Key, byte[] Value)[] entries) => Dict([.. entries.Select(entry => (Text(entry.Key), entry.Value))]);

    public static byte[] Global(string module, string name) => Encoding.UTF8.GetBytes($"c{module}\n{name}\n");

    /// <summary>A name as protocol 4 writes it.</summary>
    public static byte[] StackGlobal(string module, string name) => Join(ShortText(module), ShortText(name), [0x93]);

    public static byte[] Call(byte[] callee, params byte[][] arguments) => Join(callee, Tuple(arguments), "R"u8.ToArray());

    public static byte[] Call(string module, string name, params byte[][] arguments) => Call(Global(module, name), arguments);

    /// <summary>An object with a state.</summary>
    public static byte[] Build(byte[] value, byte[] state) => Join(value, state, "b"u8.ToArray());

    public static byte[] Reference(byte[] id) => Join(id, "Q"u8.ToArray());

    /// <summary>Sets an item of the memo to the value and leaves it on the stack.</summary>
    public static byte[] Memo(byte index, byte[] value) => Join(value, [(byte)'q', index]);

    public static byte[] Recall(byte index) => [(byte)'h', index];

    public static byte[] OrderedDict(params (string Key, byte[] Value)[] entries) => Join(
        Call("collections", "OrderedDict"), entries.Length == 0 ? [] : Join("(", [.. entries.Select(entry => Join(Text(entry.Key), entry.Value))], "u"));

    public static byte[] U32(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    public static byte[] U64(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Join(string before, byte[][] pieces, string behind) => Join(Encoding.Latin1.GetBytes(before), Join(pieces), Encoding.Latin1.GetBytes(behind));
}

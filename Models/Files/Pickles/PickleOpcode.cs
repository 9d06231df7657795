namespace TrigFlowNative.Models;

/// <summary>
/// Opcodes of Python's pickles (Lib/pickletools.py; protocols 2 to 5 with what they took over from 0 and 1), under the names that <c>python -m pickletools</c> prints. Those
/// behind <see cref="Binpersid"/> are known by name and refused: no file of these kinds has them.
/// </summary>
internal enum PickleOpcode : byte
{
    Proto = 0x80, Frame = 0x95, Stop = (byte)'.', Mark = (byte)'(', Pop = (byte)'0', PopMark = (byte)'1',
    None = (byte)'N', Newtrue = 0x88, Newfalse = 0x89,
    Binint = (byte)'J', Binint1 = (byte)'K', Binint2 = (byte)'M', Long1 = 0x8a, Binfloat = (byte)'G',
    Binunicode = (byte)'X', ShortBinunicode = 0x8c, Binunicode8 = 0x8d, Binstring = (byte)'T', ShortBinstring = (byte)'U',
    Binbytes = (byte)'B', ShortBinbytes = (byte)'C', Binbytes8 = 0x8e, Bytearray8 = 0x96,
    EmptyTuple = (byte)')', Tuple = (byte)'t', Tuple1 = 0x85, Tuple2 = 0x86, Tuple3 = 0x87,
    EmptyList = (byte)']', Append = (byte)'a', Appends = (byte)'e',
    EmptyDict = (byte)'}', Setitem = (byte)'s', Setitems = (byte)'u',
    EmptySet = 0x8f, Additems = 0x90, Frozenset = 0x91,
    Binput = (byte)'q', LongBinput = (byte)'r', Binget = (byte)'h', LongBinget = (byte)'j', Memoize = 0x94,
    Global = (byte)'c', StackGlobal = 0x93, Reduce = (byte)'R', Newobj = 0x81, Build = (byte)'b', Binpersid = (byte)'Q',

    Int = (byte)'I', Long = (byte)'L', Long4 = 0x8b, Float = (byte)'F', String = (byte)'S', Unicode = (byte)'V', List = (byte)'l', Dict = (byte)'d', Dup = (byte)'2',
    Get = (byte)'g', Put = (byte)'p', Persid = (byte)'P', Inst = (byte)'i', Obj = (byte)'o', NewobjEx = 0x92, Ext1 = 0x82, Ext2 = 0x83, Ext4 = 0x84,
    NextBuffer = 0x97, ReadonlyBuffer = 0x98,
}

/// <summary>Names of opcodes.</summary>
internal static class PickleOpcodes
{
    /// <summary>The name as Python prints it, such as SHORT_BINUNICODE; the byte for one that does not exist.</summary>
    public static string Name(this PickleOpcode opcode) => Enum.IsDefined(opcode)
        ? System.Text.Json.JsonNamingPolicy.SnakeCaseUpper.ConvertName(opcode.ToString())
        : $"the byte 0x{(byte)opcode:x2}";
}

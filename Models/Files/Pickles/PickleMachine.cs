using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// The machine of Python's pickles: a stack and a memo. It makes records of what the file says and calls nothing: where Python would call a function or make an object,
/// there is a <see cref="PickleCall"/> with the name and the arguments. All limits are checked before memory is taken.
/// </summary>
/// <remarks>Opcodes and their meaning are those of Lib/pickletools.py; what belongs to protocols 0 and 1 alone, to extensions and to buffers outside of the file is refused.</remarks>
internal sealed partial class PickleMachine
{
    // Estimates for a value, a place that refers to one, and an entry of the memo.
    private const long ValueBytes = 64, PlaceBytes = 16, MemoBytes = 48;

    private readonly PickleInput input;
    private readonly PickleNames names;
    private readonly PickleLimits limits;
    private readonly List<PickleValue> stack = [];
    private readonly List<int> marks = [];
    private readonly Dictionary<long, PickleValue> memo = [];
    private readonly List<PickleReference> references = [];
    private long memory;

    private PickleMachine(PickleInput input, PickleNames names, PickleLimits limits) => (this.input, this.names, this.limits) = (input, names, limits);

    /// <summary>Reads one pickle.</summary>
    /// <param name="file">The file.</param>
    /// <param name="range">Where the pickle begins, and where it must have ended.</param>
    /// <param name="names">The names that it may hold.</param>
    /// <param name="limits">Its limits.</param>
    /// <param name="name">What it is called in messages; empty for a file that is one.</param>
    /// <exception cref="InvalidFileException">The pickle is malformed, beyond the limits, or names what it must not; the message has the opcode and its place.</exception>
    public static PickledValue Read(FileBytes file, ByteRange range, PickleNames names, PickleLimits limits, string name = "")
    {
        PickleMachine machine = new(new PickleInput(file, range, name), names, limits);
        PickleValue value = machine.Run();
        return new PickledValue(value, machine.references, machine.input.Position);
    }

    private int Floor => marks.Count > 0 ? marks[^1] : 0;

    private PickleValue Run()
    {
        if (input.NextOpcode() != PickleOpcode.Proto)
            throw Refuse("stands where PROTO must: no pickle of protocol 2 or higher");
        int protocol = input.ReadByte();
        if (protocol is < 2 or > 5)
            throw Refuse($"says protocol {protocol}, expected 2 to 5");
        for (int count = 1; ; count++)
        {
            PickleOpcode opcode = input.NextOpcode();
            if (count >= limits.Opcodes)
                throw Refuse($"is one more than {limits.Opcodes} opcodes");
            if (opcode == PickleOpcode.Stop)
                return Finish();
            Execute(opcode);
        }
    }

    private PickleValue Finish()
    {
        PickleValue value = Pop();
        return stack.Count == 0 && marks.Count == 0 ? value : throw Refuse($"leaves {stack.Count} values on the stack");
    }

    private void Execute(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Proto: throw Refuse("stands in the midst of the pickle");
            case PickleOpcode.Frame: input.CheckLeft(input.ReadUInt64()); break;
            case PickleOpcode.Mark: Mark(); break;
            case PickleOpcode.Pop: Pop(); break;
            case PickleOpcode.PopMark: PopToMark(); break;
            case PickleOpcode.None: Push(new PickleNone()); break;
            case PickleOpcode.Newtrue: Push(new PickleBool(true)); break;
            case PickleOpcode.Newfalse: Push(new PickleBool(false)); break;
            case PickleOpcode.Binint: Push(new PickleInteger(input.ReadInt32())); break;
            case PickleOpcode.Binint1: Push(new PickleInteger(input.ReadByte())); break;
            case PickleOpcode.Binint2: Push(new PickleInteger(input.ReadUInt16())); break;
            case PickleOpcode.Long1: Push(new PickleInteger(input.ReadInteger(input.ReadByte()))); break;
            case PickleOpcode.Binfloat: Push(new PickleReal(input.ReadDouble())); break;
            case PickleOpcode.Binunicode: PushText((uint)input.ReadInt32()); break;
            case PickleOpcode.ShortBinunicode: PushText(input.ReadByte()); break;
            case PickleOpcode.Binunicode8: PushText(input.ReadUInt64()); break;
            case PickleOpcode.Binstring: PushText((uint)input.ReadInt32()); break;
            case PickleOpcode.ShortBinstring: PushText(input.ReadByte()); break;
            case PickleOpcode.Binbytes: Push(new PickleBytes(input.Skip((uint)input.ReadInt32()))); break;
            case PickleOpcode.ShortBinbytes: Push(new PickleBytes(input.Skip(input.ReadByte()))); break;
            case PickleOpcode.Binbytes8 or PickleOpcode.Bytearray8: Push(new PickleBytes(input.Skip(input.ReadUInt64()))); break;
            case PickleOpcode.EmptyTuple: Push(new PickleSequence(isTuple: true, [])); break;
            case PickleOpcode.Tuple: PushSequence(isTuple: true, PopToMark()); break;
            case PickleOpcode.Tuple1: PushSequence(isTuple: true, PopMany(1)); break;
            case PickleOpcode.Tuple2: PushSequence(isTuple: true, PopMany(2)); break;
            case PickleOpcode.Tuple3: PushSequence(isTuple: true, PopMany(3)); break;
            case PickleOpcode.EmptyList or PickleOpcode.EmptySet: Push(new PickleSequence(isTuple: false, [])); break;
            case PickleOpcode.Frozenset: PushSequence(isTuple: false, PopToMark()); break;
            case PickleOpcode.Append: AppendAll(PopMany(1)); break;
            case PickleOpcode.Appends or PickleOpcode.Additems: AppendAll(PopToMark()); break;
            case PickleOpcode.EmptyDict: Push(new PickleMap()); break;
            case PickleOpcode.Setitem: SetAll(PopMany(2)); break;
            case PickleOpcode.Setitems: SetAll(PopToMark()); break;
            case PickleOpcode.Binput: Remember(input.ReadByte()); break;
            case PickleOpcode.LongBinput: Remember((uint)input.ReadInt32()); break;
            case PickleOpcode.Memoize: Remember(memo.Count); break;
            case PickleOpcode.Binget: Recall(input.ReadByte()); break;
            case PickleOpcode.LongBinget: Recall((uint)input.ReadInt32()); break;
            case PickleOpcode.Global: PushName(input.ReadLine(), input.ReadLine()); break;
            case PickleOpcode.StackGlobal: PushStackName(); break;
            case PickleOpcode.Reduce or PickleOpcode.Newobj: PushCall(); break;
            case PickleOpcode.Build: SetState(); break;
            case PickleOpcode.Binpersid: PushReference(); break;
            default: throw Refuse(Enum.IsDefined(opcode) ? "is an opcode that no file of this kind has" : "is no opcode of a pickle");
        }
    }

    private InvalidFileException Refuse(string reason) => input.Refuse(reason);
}

/// <summary>A value that was read, and what it took.</summary>
/// <param name="Value">The value.</param>
/// <param name="References">All references in it, in the order of the file.</param>
/// <param name="End">Position in the file behind the pickle.</param>
internal sealed record PickledValue(PickleValue Value, IReadOnlyList<PickleReference> References, long End);

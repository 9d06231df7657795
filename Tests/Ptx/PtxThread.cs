using System.Buffers.Binary;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>A thread of <see cref="PtxInterpreter"/>: registers by name, copies under way, and what each instruction does.</summary>
internal sealed class PtxThread(
    PtxInterpreter kernel, byte[] memory, byte[][] shared, int rank, int lane, int block, int threads, ulong[] arguments)
{
    private const int RankBits = 24; // an address in the cluster: the rank plus one above the address in a block

    private readonly Dictionary<string, ulong> registers = new()
    {
        ["%tid.x"] = (ulong)lane,
        ["%ntid.x"] = (ulong)threads,
        ["%ctaid.x"] = (ulong)block,
        ["%dynamic_smem_size"] = (ulong)(shared[rank].Length - PtxInterpreter.SharedStart),
        ["__dyn_shared_alloca"] = PtxInterpreter.SharedStart,
        [PtxSource.SharedMemory] = PtxInterpreter.SharedStart,
    };

    /// <summary>Copies by group, the last open.</summary>
    private readonly List<List<(int To, int From, int Bytes)>> copies = [[]];
    private int next;

    public int Rank => rank;

    /// <summary>Why the thread stands still.</summary>
    public PtxStop At { get; private set; }

    /// <summary>Index of the instruction behind the stop.</summary>
    public int Stopped => next;

    /// <summary>Barriers of the cluster that the thread has arrived at.</summary>
    public int Arrivals { get; private set; }

    /// <summary>Runs to the next barrier or the end.</summary>
    public void Run()
    {
        while (At != PtxStop.End)
        {
            PtxInstruction instruction = kernel.Code[next++];
            if (instruction.Predicate.Length > 0 && (registers[instruction.Predicate] != 0) == instruction.Unless)
                continue;
            switch (instruction.Name)
            {
                case "bra" or "bra.uni":
                    next = kernel.Target(instruction.Operands[0]);
                    break;
                case "bar.sync":
                    At = PtxStop.Barrier;
                    return;
                case "griddepcontrol.launch_dependents" or "griddepcontrol.wait":
                    break; // launches here follow one another
                case "barrier.cluster.arrive.release":
                    Arrivals++;
                    break;
                case "barrier.cluster.wait.acquire":
                    At = PtxStop.Cluster;
                    return;
                case "ret":
                    At = PtxStop.End;
                    return;
                default:
                    Execute(instruction.Name, instruction.Operands);
                    break;
            }
        }
    }

    private void Execute(string name, string[] o)
    {
        string[] parts = name.Split('.');
        if (name.StartsWith("cp.async", StringComparison.Ordinal))
            CopyLater(parts, o);
        else if (parts[0] is "ld" or "st")
            Access(parts, o);
        else if (name == "mov.b64" && o[0][0] == '{')
            (registers[PtxInstruction.Parts(o[0])[0]], registers[PtxInstruction.Parts(o[0])[1]]) = ((uint)Value(o[1]), Value(o[1]) >> 32);
        else if (name == "mapa.shared::cluster.u32")
            registers[o[0]] = Value(o[1]) | ((Value(o[2]) + 1) << RankBits);
        else if (parts[0] == "setp")
            registers[o[0]] = Compare(parts, o) ? 1UL : 0;
        else if (parts[0] == "selp")
            registers[o[0]] = registers[o[3]] != 0 ? Value(o[1]) : Value(o[2]);
        else if (parts[^1] == "f32" && parts[0] is not ("mov" or "cvt"))
            registers[o[0]] = BitConverter.SingleToUInt32Bits(Float(parts[0], o));
        else
            registers[o[0]] = Integer(name, o);
    }

    private float Float(string operation, string[] o)
    {
        float a = Real(o[1]);
        return operation switch
        {
            "add" => a + Real(o[2]),
            "sub" => a - Real(o[2]),
            "mul" => a * Real(o[2]),
            "fma" => MathF.FusedMultiplyAdd(a, Real(o[2]), Real(o[3])),
            "div" => a / Real(o[2]),
            "neg" => -a,
            "rcp" => 1f / a,
            "sqrt" => MathF.Sqrt(a),
            "tanh" => MathF.Tanh(a),
            _ => throw new NotSupportedException(operation),
        };
    }

    private ulong Integer(string name, string[] o)
    {
        ulong a = Value(o[1]), b = o.Length > 2 ? Value(o[2]) : 0;
        return name switch
        {
            "mov.b32" or "mov.u32" or "mov.b64" or "mov.f32" => a,
            "add.s32" or "add.u32" => (uint)(a + b),
            "add.s64" or "add.u64" => a + b,
            "sub.s32" => (uint)(a - b),
            "mul.lo.s32" => (uint)(a * b),
            "mul.lo.s64" => a * b,
            "mad.lo.u32" => (uint)(a * b + Value(o[3])),
            "mul.wide.u32" => (ulong)(uint)a * (uint)b,
            "shl.b32" => (uint)a << (int)b,
            "shl.b64" => a << (int)b,
            "shr.s32" => (uint)((int)a >> (int)b),
            "and.b32" => (uint)(a & b),
            "lop3.b32" when o[4] == "0x96" => a ^ b ^ Value(o[3]),
            "min.s32" => (uint)Math.Min((int)a, (int)b),
            "div.s32" => (uint)((int)a / (int)b),
            "div.u32" => (uint)a / (uint)b,
            "rem.s32" => (uint)((int)a % (int)b),
            "cvt.s64.s32" => (ulong)(int)a,
            "cvt.rn.f32.s32" => BitConverter.SingleToUInt32Bits((int)a),
            "cvt.rn.bf16x2.f32" => BFloat16.Pack(Real(o[2]), Real(o[1])),
            _ => throw new NotSupportedException(name),
        };
    }

    private bool Compare(string[] parts, string[] o)
    {
        int order = parts[2] switch
        {
            "f32" => Real(o[1]).CompareTo(Real(o[2])),
            "s32" => ((int)Value(o[1])).CompareTo((int)Value(o[2])),
            _ => ((uint)Value(o[1])).CompareTo((uint)Value(o[2])),
        };
        return parts[1] switch
        {
            "eq" => order == 0,
            "ne" => order != 0,
            "lt" or "lo" => order < 0,
            "le" => order <= 0,
            "gt" => order > 0,
            _ => order >= 0,
        };
    }

    private void CopyLater(string[] parts, string[] o)
    {
        switch (parts[2])
        {
            case "commit_group":
                copies.Add([]);
                break;
            case "wait_all":
                Arrive(copies.Count);
                break;
            case "wait_group":
                Arrive(Math.Max(0, copies.Count - 1 - int.Parse(o[0], CultureInfo.InvariantCulture)));
                break;
            default:
                int bytes = (int)Value(o[2]), to = Address(o[0]), from = Address(o[1]);
                PtxInterpreter.Assert(to % bytes == 0 && from % bytes == 0, "a misaligned copy");
                copies[^1].Add((to, from, bytes));
                break;
        }
    }

    /// <summary>Ends the copies of the first groups.</summary>
    private void Arrive(int groups)
    {
        foreach ((int to, int from, int bytes) in copies.Take(groups).SelectMany(group => group))
            memory.AsSpan(from, bytes).CopyTo(shared[rank].AsSpan(to));
        copies.RemoveRange(0, groups);
        if (copies.Count == 0)
            copies.Add([]);
    }

    private void Access(string[] parts, string[] o)
    {
        bool load = parts[0] == "ld";
        (string values, string place) = load ? (o[0], o[1]) : (o[1], o[0]);
        if (parts[1] == "param")
        {
            registers[values] = arguments[kernel.Parameters.ToList().IndexOf(place.Trim('[', ']'))];
            return;
        }

        int bytes = parts[^1] is "u16" ? 2 : 4, address = Address(place);
        byte[] target = parts[1] switch
        {
            "global" => memory,
            "shared" => shared[rank],
            _ => shared[(address >> RankBits) - 1],
        };
        address &= target == memory ? -1 : (1 << RankBits) - 1;
        string[] names = PtxInstruction.Parts(values);
        PtxInterpreter.Assert(address % (bytes * names.Length) == 0, "a misaligned access");
        foreach (string register in names)
        {
            Span<byte> at = target.AsSpan(address, bytes);
            if (!load)
                BinaryPrimitives.WriteUInt32LittleEndian(at, (uint)Value(register));
            else
                registers[register] = bytes == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(at) : BinaryPrimitives.ReadUInt32LittleEndian(at);
            address += bytes;
        }
    }

    private int Address(string operand)
    {
        string[] terms = operand.Trim('[', ']').Split('+');
        return (int)Value(terms[0]) + (terms.Length > 1 ? int.Parse(terms[1], CultureInfo.InvariantCulture) : 0);
    }

    private float Real(string operand) => BitConverter.UInt32BitsToSingle((uint)Value(operand));

    private ulong Value(string operand) => PtxInstruction.Number(operand) ?? registers[operand];
}

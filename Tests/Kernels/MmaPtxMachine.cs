using System.Globalization;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// Runs the PTX text of a tensor-core kernel block by block on the host, all threads in step, so that its addresses, masks and
/// fragments are checked on machines without a GPU. Knows the instructions that those kernels use, by the PTX ISA's words.
/// </summary>
/// <remarks>
/// Global memory is one array: an access outside of it throws, and so does a branch on which threads disagree. Asynchronous
/// copies land either at once or only when a wait demands it; a right kernel does not see the difference.
/// </remarks>
internal sealed class MmaPtxMachine
{
    private const int Lanes = 32;
    private readonly int threads;
    private readonly byte[] memory, shared;
    private readonly bool late;
    private readonly Dictionary<string, ulong> parameters;
    private readonly Dictionary<string, ulong[]> registers = [];
    private readonly Dictionary<string, int> labels = [];
    private readonly List<Action> program = [];
    private readonly List<List<Action>> groups = [];
    private List<Action> group = [];
    private int counter, block;

    /// <summary>Reads a kernel's text.</summary>
    /// <param name="text">From <see cref="PtxKernelSpec.Compile"/>.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="sharedBytes">Shared memory of a block.</param>
    /// <param name="memory">Global memory, from address 0 on.</param>
    /// <param name="arguments">The parameters' bits, in order.</param>
    /// <param name="late">Whether copies land only when they are waited for.</param>
    public MmaPtxMachine(string text, int threads, int sharedBytes, byte[] memory, ulong[] arguments, bool late)
    {
        (this.threads, this.memory, this.late, shared) = (threads, memory, late, new byte[sharedBytes]);
        string[] lines = [.. text.Split('\n').Select(line => line.Trim())];
        string[] names = [.. lines.Where(line => line.StartsWith(".param", StringComparison.Ordinal)).Select(line => line.Split(' ')[2].TrimEnd(','))];
        parameters = names.Zip(arguments).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (string line in lines.SkipWhile(line => line != "{"))
        {
            if (line.EndsWith(':'))
                labels[line[..^1]] = program.Count;
            else if (line.EndsWith(';') && line[0] != '.')
                program.Add(Decode(line[..^1]));
        }
    }

    /// <summary>Runs one block; shared memory starts as NaN.</summary>
    public void Run(int blockIndex)
    {
        block = blockIndex;
        Array.Fill(shared, (byte)0xFF);
        groups.Clear();
        group = [];
        for (counter = 0; counter < program.Count;)
            program[counter++]();
    }

    private Action Decode(string line)
    {
        string[] words = line.Split([' ', '\t'], 2);
        Func<int, bool>? guard = null;
        if (words[0][0] == '@')
        {
            ulong[] predicate = Register(words[0].TrimStart('@', '!'));
            ulong wanted = words[0][1] == '!' ? 0ul : 1ul;
            guard = thread => predicate[thread] == wanted;
            words = words[1].Trim().Split([' ', '\t'], 2);
        }

        string[] operands = words.Length < 2 ? [] : Split(words[1]);
        return words[0] switch
        {
            "ret" => () => counter = program.Count,
            "bra.uni" => () => Branch(guard, operands[0]),
            "bar.sync" => () => { }
            ,
            "cp.async.commit_group" => Commit,
            "cp.async.wait_group" => () => Wait(int.Parse(operands[0], CultureInfo.InvariantCulture)),
            "cp.async.cg.shared.global" => Each(null, Copy(operands)),
            _ when words[0].StartsWith("ldmatrix", StringComparison.Ordinal) => LoadMatrices(operands, words[0].Contains(".trans.", StringComparison.Ordinal)),
            _ when words[0].StartsWith("mma", StringComparison.Ordinal) => Multiply(operands),
            _ when words[0].StartsWith("shfl", StringComparison.Ordinal) => Shuffle(operands),
            _ when words[0].StartsWith("ld.global", StringComparison.Ordinal) => Each(guard, Transfer(Vector(operands[0]), operands[1], load: true)),
            _ when words[0].StartsWith("st.global", StringComparison.Ordinal) => Each(guard, Transfer(Vector(operands[1]), operands[0], load: false)),
            _ => Each(guard, Calculate(words[0], operands)),
        };
    }

    private Action Each(Func<int, bool>? guard, Action<int> work) => () =>
    {
        for (int thread = 0; thread < threads; thread++)
            if (guard is null || guard(thread))
                work(thread);
    };

    private void Branch(Func<int, bool>? guard, string label)
    {
        bool taken = guard is null || guard(0);
        if (guard is not null && Enumerable.Range(0, threads).Any(thread => guard(thread) != taken))
            throw new InvalidOperationException($"the threads disagree on the branch to {label}");
        if (taken)
            counter = labels[label];
    }

    private Action<int> Calculate(string name, string[] operands)
    {
        ulong[] d = Register(operands[0]);
        Func<int, ulong>[] s = [.. operands.Skip(1).Select(Operand)];
        Func<int, int> I(int i) => thread => (int)s[i](thread);
        Func<int, float> F(int i) => thread => BitConverter.UInt32BitsToSingle((uint)s[i](thread));
        Func<int, int> a = s.Length > 0 ? I(0) : null!, b = s.Length > 1 ? I(1) : null!;
        Func<int, float> x = s.Length > 0 ? F(0) : null!, y = s.Length > 1 ? F(1) : null!;
        Func<int, ulong> value = name switch
        {
            "mov.b32" or "mov.u32" or "mov.f32" or "ld.param.b32" or "ld.param.b64" or "ld.param.f32" => s[0],
            "add.s32" or "add.u32" => t => (uint)(a(t) + b(t)),
            "sub.s32" => t => (uint)(a(t) - b(t)),
            "neg.s32" => t => (uint)-a(t),
            "mul.lo.s32" => t => (uint)(a(t) * b(t)),
            "div.s32" => t => (uint)(a(t) / b(t)),
            "rem.s32" => t => (uint)(a(t) % b(t)),
            "mad.lo.s32" => t => (uint)(a(t) * b(t) + (int)s[2](t)),
            "mad.wide.s32" => t => (ulong)((long)a(t) * b(t)) + s[2](t),
            "and.b32" => t => (uint)(a(t) & b(t)),
            "xor.b32" => t => (uint)(a(t) ^ b(t)),
            "shl.b32" => t => (uint)(b(t) > 31 ? 0 : a(t) << b(t)),
            "shr.s32" => t => (uint)(a(t) >> Math.Min(31, b(t))),
            "shr.u32" => t => (uint)b(t) > 31 ? 0 : (uint)a(t) >> b(t),
            "shl.b64" => t => s[0](t) << b(t),
            "add.s64" => t => s[0](t) + s[1](t),
            "cvt.s64.s32" => t => (ulong)(long)a(t),
            "setp.lt.s32" => t => a(t) < b(t) ? 1ul : 0,
            "setp.le.s32" => t => a(t) <= b(t) ? 1ul : 0,
            "setp.gt.s32" => t => a(t) > b(t) ? 1ul : 0,
            "setp.ge.s32" => t => a(t) >= b(t) ? 1ul : 0,
            "setp.eq.s32" or "setp.eq.u32" => t => a(t) == b(t) ? 1ul : 0,
            "setp.ne.u32" => t => a(t) != b(t) ? 1ul : 0,
            "setp.lo.u32" => t => (uint)a(t) < (uint)b(t) ? 1ul : 0,
            "and.pred" => t => s[0](t) & s[1](t),
            "selp.b32" => t => s[2](t) != 0 ? s[0](t) : s[1](t),
            "add.f32" => t => Bits(x(t) + y(t)),
            "mul.f32" => t => Bits(x(t) * y(t)),
            "fma.rn.f32" => t => Bits(MathF.FusedMultiplyAdd(x(t), y(t), BitConverter.UInt32BitsToSingle((uint)s[2](t)))),
            "cvt.rn.bf16x2.f32" => t => BFloat16.Pack(y(t), x(t)),
            _ => throw new NotSupportedException($"no emulation of {name}"),
        };
        return thread => d[thread] = value(thread);
    }

    private Action<int> Copy(string[] operands)
    {
        Func<int, ulong> target = Address(operands[0]), source = Address(operands[1]), size = Operand(operands[3]);
        return thread =>
        {
            byte[] piece = new byte[16];
            if (size(thread) is var bytes && bytes != 0)
                memory.AsSpan((int)source(thread), (int)bytes).CopyTo(piece);
            int at = (int)target(thread);
            void Land() => piece.CopyTo(shared, at);
            if (late)
                group.Add(Land);
            else
                Land();
        };
    }

    private void Commit()
    {
        groups.Add(group);
        group = [];
    }

    private void Wait(int allowed)
    {
        for (; groups.Count > allowed; groups.RemoveAt(0))
            groups[0].ForEach(land => land());
    }

    private Action<int> Transfer(string[] names, string place, bool load)
    {
        ulong[][] values = [.. names.Select(Register)];
        Func<int, ulong> address = Address(place);
        return thread =>
        {
            Span<uint> words = MemoryMarshal.Cast<byte, uint>(memory.AsSpan((int)address(thread), 4 * values.Length));
            for (int i = 0; i < values.Length; i++)
            {
                if (load)
                    values[i][thread] = words[i];
                else
                    words[i] = (uint)values[i][thread];
            }
        };
    }

    private Action LoadMatrices(string[] operands, bool turned)
    {
        ulong[][] targets = [.. Vector(operands[0]).Select(Register)];
        Func<int, ulong> address = Address(operands[1]);
        return () =>
        {
            for (int thread = 0; thread < threads; thread++)
            {
                int warp = thread / Lanes * Lanes, lane = thread % Lanes, outer = lane / 4, inner = lane % 4 * 2;
                for (int i = 0; i < 4; i++)
                {
                    ushort Element(int row, int column) => BitConverter.ToUInt16(shared, (int)address(warp + 8 * i + row) + 2 * column);
                    (ushort first, ushort second) = turned ? (Element(inner, outer), Element(inner + 1, outer)) : (Element(outer, inner), Element(outer, inner + 1));
                    targets[i][thread] = first | (uint)second << 16;
                }
            }
        };
    }

    private Action Multiply(string[] operands)
    {
        ulong[][] d = [.. Vector(operands[0]).Select(Register)], a = [.. Vector(operands[1]).Select(Register)];
        ulong[][] b = [.. Vector(operands[2]).Select(Register)], c = [.. Vector(operands[3]).Select(Register)];
        float[,] rows = new float[16, 16], columns = new float[8, 16];
        return () =>
        {
            for (int warp = 0; warp < threads; warp += Lanes)
            {
                for (int lane = 0; lane < Lanes; lane++)
                {
                    (int outer, int inner) = (lane / 4, lane % 4 * 2);
                    for (int i = 0; i < 4; i++)
                        (rows[outer + 8 * (i % 2), inner + 8 * (i / 2)], rows[outer + 8 * (i % 2), inner + 8 * (i / 2) + 1]) = Pair(a[i][warp + lane]);
                    for (int i = 0; i < 2; i++)
                        (columns[outer, inner + 8 * i], columns[outer, inner + 8 * i + 1]) = Pair(b[i][warp + lane]);
                }

                for (int lane = 0; lane < Lanes; lane++)
                {
                    for (int i = 0; i < 4; i++)
                    {
                        (int row, int column) = (lane / 4 + 8 * (i / 2), lane % 4 * 2 + i % 2);
                        float sum = BitConverter.UInt32BitsToSingle((uint)c[i][warp + lane]);
                        for (int k = 0; k < 16; k++)
                            sum += rows[row, k] * columns[column, k];
                        d[i][warp + lane] = Bits(sum);
                    }
                }
            }
        };
    }

    private Action Shuffle(string[] operands)
    {
        (ulong[] target, ulong[] source) = (Register(operands[0]), Register(operands[1]));
        int mask = int.Parse(operands[2], CultureInfo.InvariantCulture);
        return () =>
        {
            ulong[] given = [.. source];
            for (int thread = 0; thread < threads; thread++)
                target[thread] = given[thread ^ mask];
        };
    }

    private Func<int, ulong> Address(string operand)
    {
        string[] parts = operand.Trim('[', ']').Split('+');
        ulong[] start = Register(parts[0]);
        ulong offset = parts.Length > 1 ? ulong.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        return thread => start[thread] + offset;
    }

    private Func<int, ulong> Operand(string operand)
    {
        if (operand[0] == '[')
            return parameters[operand.Trim('[', ']')] is var argument ? _ => argument : null!;
        if (operand.StartsWith("0f", StringComparison.Ordinal) || operand.StartsWith("0x", StringComparison.Ordinal))
            return ulong.Parse(operand[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture) is var bits ? _ => bits : null!;
        if (char.IsDigit(operand[0]) || operand[0] == '-')
            return (ulong)long.Parse(operand, CultureInfo.InvariantCulture) is var number ? _ => number : null!;
        ulong[] register = Register(operand);
        return operand switch
        {
            PtxSource.SharedMemory => _ => 0,
            "%tid.x" => thread => (ulong)thread,
            "%laneid" => thread => (ulong)(thread % Lanes),
            "%ctaid.x" => _ => (ulong)block,
            _ => thread => register[thread],
        };
    }

    private ulong[] Register(string name)
    {
        if (!registers.TryGetValue(name, out ulong[]? values))
            registers[name] = values = new ulong[threads];
        return values;
    }

    private static string[] Vector(string operand) => operand.Trim('{', '}').Split(", ");

    /// <summary>Operands; braces hold a vector together.</summary>
    private static string[] Split(string text)
    {
        var operands = new List<string>();
        int depth = 0, start = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            depth += i < text.Length && text[i] == '{' ? 1 : i < text.Length && text[i] == '}' ? -1 : 0;
            if (i < text.Length && (text[i] != ',' || depth > 0))
                continue;
            operands.Add(text[start..i].Trim());
            start = i + 1;
        }

        return [.. operands];
    }

    private static (float First, float Second) Pair(ulong word) => (BFloat16.Lower((uint)word), BFloat16.Upper((uint)word));

    private static ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}

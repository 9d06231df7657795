using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Tests.Ptx;

/// <summary>
/// Runs the text of a kernel with tensor-core instructions on the host, warp by warp, so that a machine without a GPU can check
/// every index of it: fragments, shared memory, barriers. Only what such kernels use is known; the rest throws by name.
/// </summary>
/// <remarks>
/// Shared memory and registers start as NaN. Accesses to shared memory that no barrier orders throw, those within a warp too
/// (<see cref="SharedMemoryRaces"/>). A warp runs until it has to wait; an asynchronous copy destroys its target when it starts and fills it
/// when it is waited for or, if it arrives at a barrier, when no warp can go on, in an order of chance.
/// Lanes that branch apart run one path after the other, those that are behind first. Clusters run one after another, the blocks of one
/// at a time.
/// </remarks>
internal sealed partial class PtxMachine
{
    private const int Lanes = 32, LocalBytes = 64, WarpgroupThreads = 128, NamedBarriers = 16;
    private readonly PtxKernelSpec spec;
    private readonly byte[] memory;
    private readonly byte[] shared;
    private readonly Dictionary<string, ulong[]> registers = [];
    private readonly Dictionary<string, ulong> arguments = [];
    private byte[] argument = [];
    private readonly Dictionary<string, int> labels = [];
    private readonly Dictionary<ulong, BlockBarrier> barriers = [];
    private readonly List<Func<Warp, bool>> program = [];
    private readonly List<bool> whole = [];
    private readonly string[] parameters;
    private readonly int argumentBytes;
    private readonly byte[] local;
    private SharedMemoryRaces races;
    private Warp[] warps = [];
    private int block, blocksOfGrid;

    /// <summary>The scopes in braces around the statement that is being decoded, the innermost last.</summary>
    private readonly List<int> scopes = [0];

    /// <summary>Compiles a kernel.</summary>
    /// <param name="spec">The kernel.</param>
    /// <param name="memory">Global memory; addresses are indices into it.</param>
    public PtxMachine(PtxKernelSpec spec, byte[] memory)
    {
        (this.spec, this.memory) = (spec, memory);
        shared = new byte[(spec.Cluster - 1) * BlockStride + SharedStart + spec.SharedBytes];
        races = NewRaces();
        local = new byte[LocalBytes * Threads];
        arrivals = new int[Threads];
        (string text, string entry) = spec.Compile();
        argumentBytes = PtxSource.ParameterBytes(text, entry);
        int end = text.IndexOf(".maxntid", StringComparison.Ordinal);
        parameters = [.. Parameter().Matches(text[..end]).Select(match => match.Groups[1].Value)];
        int scope = 0;
        foreach (string statement in text[(text.IndexOf('{', end) + 1)..].Split(';', '\n').Select(part => part.Trim().Trim('\t')))
        {
            if (statement.EndsWith(':'))
                labels[$"{scopes[^1]}:{statement[..^1]}"] = program.Count;
            else if (statement is "{")
                scopes.Add(++scope);
            else if (statement is "}" && scopes.Count > 1)
                scopes.RemoveAt(scopes.Count - 1);
            else if (statement.Length > 0 && statement is not "}" && !statement.StartsWith('.') && !statement.StartsWith("//", StringComparison.Ordinal))
            {
                program.Add(Decode(statement));
                whole.Add(OfWholeWarp.Any(name => statement.StartsWith(name, StringComparison.Ordinal)));
            }
        }
    }

    /// <summary>Runs all clusters, one after another.</summary>
    public void Run<T>(int blocks, in T value)
        where T : unmanaged
    {
        Assert(spec.Method.GetParameters() is [var only] && only.ParameterType == typeof(T), $"{spec.Method.Name} does not take one {typeof(T).Name}");
        argument = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
        Assert(argument.Length == argumentBytes, $"{spec.Method.Name}'s text takes {argumentBytes} bytes, not {argument.Length}");
        Run(blocks);
    }

    /// <summary>The same for a kernel of several parameters.</summary>
    public void Run(int blocks, params object[] values)
    {
        Assert(values.Length == parameters.Length, $"{spec.Method.Name} takes {parameters.Length} arguments, not {values.Length}");
        for (int i = 0; i < values.Length; i++)
            arguments[parameters[i]] = values[i] switch
            {
                int value => (uint)value,
                long value => (ulong)value,
                float value => Bits(value),
                ulong bits => bits,
                _ => throw new ArgumentException($"an argument {values[i].GetType().Name}"),
            };
        Run(blocks);
    }

    private void Run(int blocks)
    {
        blocksOfGrid = blocks;
        for (block = 0; block < blocks; block += spec.Cluster)
            RunCluster();
    }

    private void RunCluster()
    {
        BeginCluster();
        Array.Fill(shared, (byte)0xFF);
        foreach (ulong[] register in registers.Values)
            Array.Fill(register, ulong.MaxValue);
        warps = [.. Enumerable.Range(0, Threads / Lanes).Select(i => new Warp(i * Lanes))];
        while (warps.Any(warp => !warp.Done))
        {
            bool moved = false;
            foreach (Warp warp in warps)
            {
                while (!warp.Done && !warp.Waiting)
                {
                    int at = warp.Begin(whole);
                    if (!program[at](warp))
                    {
                        warp.GoTo(at); // not yet: other warps first
                        break;
                    }

                    moved = true;
                    if (warp.Yields)
                    {
                        warp.Yields = false;
                        break;
                    }
                }
            }

            Assert(moved || DeliverAny(), "all warps wait");
        }

        Assert(warps.All(warp => warp.Copies.All(groups => groups.All(group => group.All(copy => copy.Read == 0))) && warp.Stores.Count == 0), "the kernel ends before its copies"); // zeros may come too late
        EndCluster();
        Assert(barriers.Count == 0, "a barrier that is waited for no more");
        Assert(warps.All(warp => warp.Products.Count == 0 && warp.Groups.Count == 0), "the kernel ends before its products");
    }

    /// <summary>
    /// Arrives at a barrier and, unless it only arrives, waits until the barrier's number of threads have arrived. All their earlier accesses are then
    /// ordered before the later accesses of the threads that waited.
    /// </summary>
    private void Arrive(Warp warp, ulong name, BarrierUse use)
    {
        if (!barriers.TryGetValue(name, out BlockBarrier? barrier))
            barriers[name] = barrier = new BlockBarrier(use.Place, races.NewClock(), []);
        Assert(barrier.Place == use.Place, "threads wait at different places");
        foreach (int thread in use.Orders ? warp.Threads : [])
            races.Release(thread, barrier.Clock);
        barrier.Arrived += Lanes;
        if (use.Waits)
            barrier.Waiting.Add(warp);
        warp.Waiting = use.Waits;
        if (barrier.Arrived < use.Threads)
            return;
        barriers.Remove(name);
        foreach (Warp other in barrier.Waiting)
        {
            other.Waiting = false;
            foreach (int thread in use.Orders ? other.Threads : [])
                races.Acquire(thread, barrier.Clock);
        }
    }

    /// <summary>The lanes of a warp meet.</summary>
    private void Meet(Warp warp)
    {
        int[] clock = races.NewClock();
        foreach (int thread in warp.Threads)
            races.Release(thread, clock);
        foreach (int thread in warp.Threads)
            races.Acquire(thread, clock);
    }

    private SharedMemoryRaces NewRaces() => new(Threads, Lanes, shared.Length);

    private Func<Warp, bool> Decode(string statement)
    {
        if (Ignored.Any(name => statement.StartsWith(name, StringComparison.Ordinal)))
            return static _ => true;
        Func<int, bool> on = static _ => true;
        Match parts = Statement().Match(statement);
        if (parts.Groups["guard"].Value is { Length: > 0 } guard)
        {
            bool wanted = guard[0] != '!';
            ulong[] predicate = Register(guard.TrimStart('!'));
            on = thread => predicate[thread] != 0 == wanted;
        }

        var instruction = new Instruction(statement, parts.Groups["name"].Value.Split('.'), Operands(parts.Groups["operands"].Value), on);
        return DecodeControl(instruction) ?? DecodeCluster(instruction) ?? DecodeBulk(instruction) ?? DecodeMatrix(instruction) ?? DecodeMemory(instruction) ?? DecodeScalar(instruction)
            ?? throw new NotSupportedException($"{spec.Method.Name}: {statement}");
    }

    private Func<Warp, bool>? DecodeControl(Instruction i)
    {
        switch (i.Name[0])
        {
            case "bra":
                int[] around = [.. scopes];
                return warp =>
                {
                    int target = around.Reverse().Select(each => labels.TryGetValue($"{each}:{i.Operands[0]}", out int at) ? at : -1).First(at => at >= 0);
                    return i.Each(thread => warp.Next[thread - warp.First] = target)(warp);
                };
            case "ret":
                return warp => i.Each(thread => warp.Next[thread - warp.First] = int.MaxValue)(warp);
            case "bar" when i.Name[1] == "warp":
                return Together(i, Meet);
            case "bar":
                Func<int, ulong> barrier = Value(i.Operands[0]), threads = i.Operands.Length > 1 ? Value(i.Operands[1]) : _ => (ulong)spec.Threads;
                int place = i.Operands.Length > 1 ? -1 : program.Count; // all threads of the block come to the same statement
                return Together(i, warp => Arrive(
                    warp, OfBlock(warp, barrier(warp.First)), new BarrierUse((int)threads(warp.First), Waits: i.Name[1] == "sync", Orders: true, place)));
            case "wgmma" when i.Name[1] == "fence":
                return Together(i, warp => Arrive( // the warps of a warpgroup multiply together
                    warp, OfBlock(warp, NamedBarriers + (ulong)InBlock(warp.First) / WarpgroupThreads), new BarrierUse(WarpgroupThreads, Waits: true, Orders: false, Place: -1)));
            default:
                return null;
        }
    }

    private static Func<Warp, bool> Together(Instruction i, Action<Warp> execute) => warp =>
    {
        execute(warp.Whole(i.Text));
        return true;
    };

    private static string[] Operands(string text) => [.. Operand().Matches(text).Select(match => match.Value)];

    private ulong[] Register(string name)
    {
        Assert(name == name.Trim(), $"a register {name}");
        if (!registers.TryGetValue(name, out ulong[]? values))
            registers[name] = values = new ulong[Threads];
        return values;
    }

    private ulong[][] Registers(string operand) => [.. Words(operand).Select(Register)];

    private static IEnumerable<string> Words(string operand) => operand.Trim('{', '}').Split(',').Select(name => name.Trim());

    /// <summary>An operand's value in a thread.</summary>
    private Func<int, ulong> Value(string operand)
    {
        if (operand == "%tid.x")
            return thread => (ulong)InBlock(thread);
        if (operand == "%ntid.x")
            return _ => (ulong)spec.Threads;
        if (operand == "%laneid")
            return thread => (ulong)(thread % Lanes);
        if (operand == "%ctaid.x")
            return thread => (ulong)(block + Rank(thread));
        if (operand == "%nctaid.x")
            return _ => (ulong)blocksOfGrid;
        if (operand.StartsWith("__local_depot", StringComparison.Ordinal))
        {
            ulong depot = ulong.Parse(operand["__local_depot".Length..], CultureInfo.InvariantCulture);
            return thread => (ulong)(thread * LocalBytes) + 16 * depot;
        }

        if (operand is PtxSource.SharedMemory or "__dyn_shared_alloca")
            return thread => (ulong)(Rank(thread) * BlockStride + SharedStart);
        if (char.IsAsciiDigit(operand[0]) || operand[0] == '-')
        {
            ulong constant = operand.StartsWith("0f", StringComparison.Ordinal) || operand.StartsWith("0x", StringComparison.Ordinal)
                ? ulong.Parse(operand[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                : (ulong)long.Parse(operand, CultureInfo.InvariantCulture);
            return _ => constant;
        }

        ulong[] register = Register(operand);
        return thread => register[thread];
    }

    private static float Real(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private static void Assert(bool condition, string otherwise)
    {
        if (!condition)
            throw new InvalidOperationException(otherwise);
    }

    /// <summary>Instructions without effect, since the machine executes everything in order.</summary>
    private static readonly string[] Ignored =
    [
        "griddepcontrol", "setmaxnreg", "fence.", "cp.async.bulk.commit_group",
    ];

    /// <summary>Instructions that all lanes of a warp execute together.</summary>
    private static readonly string[] OfWholeWarp = ["bar.", "barrier.", "shfl.", "ldmatrix.", "stmatrix.", "mma.", "vote.", "wgmma."];

    [GeneratedRegex(@"\.param (?:\.align \d+ )?\.\w+ (\w+)")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^(@(?<guard>\S+)\s+)?(?<name>\S+)\s*(?<operands>.*)$")]
    private static partial Regex Statement();

    /// <summary>A list in braces, an address in brackets, or a word.</summary>
    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|[^\s,]+")]
    private static partial Regex Operand();
}

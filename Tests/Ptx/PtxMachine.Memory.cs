using System.Globalization;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Loads, stores and asynchronous copies.</summary>
internal sealed partial class PtxMachine
{
    /// <summary>Called with each piece of global memory that an asynchronous copy reads: address and bytes.</summary>
    public Action<int, int>? Read { get; set; }

    private Func<Warp, bool>? DecodeMemory(Instruction i) => i.Name switch
    {
        ["ld", "param", ..] => LoadParameter(i),
        ["ld" or "st", "global" or "shared" or "local", ..] => LoadOrStore(i),
        ["st", "shared::cluster", ..] => _ => throw new NotSupportedException(i.Text),
        ["cp", "async", "commit_group"] => CommitCopies,
        ["cp", "async", "wait_group"] => WaitForCopies(i),
        ["cp", "async", "wait_all"] => warp => FinishCopies(warp, warp.Copies.Count),
        ["cp", "async", ..] => StartCopy(i),
        _ => null,
    };

    private Func<Warp, bool> LoadParameter(Instruction i)
    {
        ulong[] target = Register(i.Operands[0]);
        string[] place = i.Operands[1].Trim('[', ']').Split('+');
        if (spec.Method.GetParameters().Length != 1)
            return i.Each(thread => target[thread] = arguments[place[0]]);
        int offset = place.Length > 1 ? int.Parse(place[1], CultureInfo.InvariantCulture) : 0;
        bool wide = i.Type.EndsWith("64", StringComparison.Ordinal);
        return i.Each(thread => target[thread] = wide ? BitConverter.ToUInt64(argument, offset) : BitConverter.ToUInt32(argument, offset));
    }

    private Func<Warp, bool> LoadOrStore(Instruction i)
    {
        bool store = i.Name[0] == "st";
        byte[] space = i.Name[1] switch { "global" => memory, "local" => local, _ => shared };
        Func<int, int> address = Address(i.Operands[store ? 0 : 1]);
        Func<int, ulong>[] stored = store ? [.. Words(i.Operands[1]).Select(Value)] : [];
        ulong[][] loaded = store ? [] : Registers(i.Operands[0]);
        int words = stored.Length + loaded.Length;
        return i.Each(thread =>
        {
            int at = address(thread);
            Assert(at % (4 * words) == 0, $"address {at}: {i.Text}");
            for (int word = 0; word < words; word++)
            {
                Span<byte> place = space.AsSpan(at + 4 * word, 4);
                if (store)
                    BitConverter.TryWriteBytes(place, (uint)stored[word](thread));
                else
                    loaded[word][thread] = BitConverter.ToUInt32(place);
            }
        });
    }

    private Func<Warp, bool> StartCopy(Instruction i)
    {
        Func<int, int> to = Address(i.Operands[0]), from = Address(i.Operands[1]);
        Func<int, ulong> written = Value(i.Operands[2]), read = i.Operands.Length > 3 ? Value(i.Operands[3]) : written;
        return warp => i.Each(thread =>
        {
            int bytes = (int)written(thread), existing = (int)read(thread), target = to(thread), source = from(thread);
            Assert(target % bytes == 0 && (existing == 0 || source % bytes == 0), $"from {source} to {target}: {i.Text}");
            Array.Fill(shared, (byte)0xFF, target, bytes);
            warp.Copies[^1].Add((target, source, existing, bytes));
        })(warp);
    }

    private static bool CommitCopies(Warp warp)
    {
        warp.Copies.Add([]);
        return true;
    }

    /// <summary>Until at most so many of the groups that have been committed are under way.</summary>
    private Func<Warp, bool> WaitForCopies(Instruction i)
    {
        Func<int, ulong> left = Value(i.Operands[0]);
        return warp => FinishCopies(warp, Math.Max(0, warp.Copies.Count - 1 - (int)left(warp.First)));
    }

    /// <summary>Ends the copies of the first groups.</summary>
    private bool FinishCopies(Warp warp, int groups)
    {
        foreach ((int to, int from, int read, int written) in warp.Copies.Take(groups).SelectMany(group => group))
        {
            if (read > 0) // where nothing is read the address may be any
            {
                Read?.Invoke(from, read);
                memory.AsSpan(from, read).CopyTo(shared.AsSpan(to));
            }

            shared.AsSpan(to + read, written - read).Clear();
        }

        warp.Copies.RemoveRange(0, groups);
        if (warp.Copies.Count == 0)
            warp.Copies.Add([]);
        return true;
    }

    /// <summary>The sum of a register and a constant in brackets.</summary>
    private Func<int, int> Address(string operand)
    {
        string[] parts = operand.Trim('[', ']').Split('+');
        Func<int, ulong> start = Value(parts[0].Trim()), offset = parts.Length > 1 ? Value(parts[1].Trim()) : _ => 0;
        return thread => (int)(start(thread) + offset(thread));
    }
}

using System.Globalization;

namespace TrigFlowNative.Tests.Ptx;

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
        ["cp", "async", "commit_group"] => CommitCopies(i),
        ["cp", "async", "wait_group"] => WaitForCopies(i, Value(i.Operands[0])),
        ["cp", "async", "wait_all"] => WaitForCopies(i, left: null),
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
        bool store = i.Name[0] == "st", sharing = i.Name[1].StartsWith("shared", StringComparison.Ordinal);
        byte[] space = i.Name[1] switch { "global" => memory, "local" => local, _ => shared };
        Func<int, int> address = Address(i.Operands[store ? 0 : 1]);
        Func<int, ulong>[] stored = store ? [.. Words(i.Operands[1]).Select(Value)] : [];
        ulong[][] loaded = store ? [] : Registers(i.Operands[0]);
        int size = i.Type == "u16" ? 2 : 4, bytes = size * (stored.Length + loaded.Length);
        Assert(size == 4 || (!store && !sharing), i.Text);
        return i.Each(thread =>
        {
            int at = address(thread);
            Assert(at % bytes == 0, $"address {at}: {i.Text}");
            if (sharing && !store)
                races.Read(thread, at, bytes, i.Text);
            for (int word = 0; word < bytes / size; word++, at += size)
            {
                Span<byte> place = space.AsSpan(at, size);
                if (!store)
                {
                    loaded[word][thread] = size == 2 ? BitConverter.ToUInt16(place) : BitConverter.ToUInt32(place);
                    continue;
                }

                uint value = (uint)stored[word](thread);
                if (sharing && BitConverter.ToUInt32(place) == value)
                    races.WriteAgain(thread, at, i.Text);
                else if (sharing)
                    races.Write(thread, at, size, i.Text);
                BitConverter.TryWriteBytes(place, value);
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
            races.Write(thread, target, bytes, i.Text);
            Array.Fill(shared, (byte)0xFF, target, bytes);
            warp.Copies[thread - warp.First][^1].Add(new Copy(target, source, existing, bytes, i.Text));
        })(warp);
    }

    private static Func<Warp, bool> CommitCopies(Instruction i) => warp => i.Each(thread => warp.Copies[thread - warp.First].Add([]))(warp);

    /// <summary>Waits until at most a number of committed groups are in flight; null also waits for copies that are not committed.</summary>
    private Func<Warp, bool> WaitForCopies(Instruction i, Func<int, ulong>? left) => warp => i.Each(thread =>
    {
        List<List<Copy>> groups = warp.Copies[thread - warp.First];
        FinishCopies(thread, groups, left is null ? groups.Count : Math.Max(0, groups.Count - 1 - (int)left(thread)));
    })(warp);

    /// <summary>Ends the copies of a thread's first groups.</summary>
    private void FinishCopies(int thread, List<List<Copy>> groups, int count)
    {
        foreach (Copy copy in groups.Take(count).SelectMany(group => group))
        {
            races.Write(thread, copy.To, copy.Written, copy.Text);
            if (copy.Read > 0) // where nothing is read the address may be any
            {
                Read?.Invoke(copy.From, copy.Read);
                memory.AsSpan(copy.From, copy.Read).CopyTo(shared.AsSpan(copy.To));
            }

            shared.AsSpan(copy.To + copy.Read, copy.Written - copy.Read).Clear();
        }

        groups.RemoveRange(0, count);
        if (groups.Count == 0)
            groups.Add([]);
    }

    /// <summary>The sum of a register and a constant in brackets.</summary>
    private Func<int, int> Address(string operand)
    {
        string[] parts = operand.Trim('[', ']').Split('+');
        Func<int, ulong> start = Value(parts[0].Trim()), offset = parts.Length > 1 ? Value(parts[1].Trim()) : _ => 0;
        return thread => (int)(start(thread) + offset(thread));
    }
}

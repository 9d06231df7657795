namespace TrigFlowNative.Tests.Ptx;

/// <summary>Barriers that copies arrive at, and bulk copies of boxes of arrays, swizzled by 128 bytes (PTX ISA 8.0, sections 9.7.8 and 9.7.12).</summary>
internal sealed partial class PtxMachine
{
    private readonly Dictionary<int, AsyncBarrierState> asyncBarriers = [];
    private readonly Random chance = new(1);

    /// <summary>Writes the machine's own form of a tensor map: rank, address, extents, strides in elements, box, bytes of an element; each four bytes.</summary>
    public static void EncodeMap(byte[] memory, int at, int address, int[] extents, int[] strides, int[] box, int elementBytes = 2)
    {
        int[] fields = [extents.Length, address, .. extents, .. strides, .. box, elementBytes];
        for (int i = 0; i < fields.Length; i++)
            BitConverter.TryWriteBytes(memory.AsSpan(at + 4 * i, 4), fields[i]);
    }

    private Func<Warp, bool>? DecodeBulk(Instruction i) => i.Name switch
    {
        ["cp", "async", "bulk", "shared::cluster", ..] => CopyBytes(i),
        ["mbarrier", "init", ..] => OnBarrier(i, (state, thread, value) => state.Initialise((int)value(thread))),
        ["mbarrier", "arrive", "expect_tx", ..] => OnBarrier(i, (state, thread, value) => state.Arrive(thread, (int)value(thread))),
        ["mbarrier", "arrive", ..] => OnBarrier(i, (state, thread, _) => state.Arrive(thread, 0)),
        ["mbarrier", "try_wait", ..] => WaitForPhase(i),
        ["prefetch", "tensormap"] => static _ => true,
        ["cp", "async", "bulk", "wait_group", ..] => FinishStores(i),
        ["cp", "async", "bulk", "tensor", _, "shared::cluster", ..] => CopyBox(i, load: true),
        ["cp", "async", "bulk", "tensor", _, "global", ..] => CopyBox(i, load: false),
        ["cp", "reduce", "async", "bulk", "tensor", _, "global", _, "add", ..] => CopyBox(i, load: false, add: true),
        _ => null,
    };

    /// <summary>The barrier's address is the operand in brackets, the number the last operand.</summary>
    private Func<Warp, bool> OnBarrier(Instruction i, Action<AsyncBarrierState, int, Func<int, ulong>> act)
    {
        string place = i.Operands.First(operand => operand[0] == '[');
        Func<int, int> address = Address(place);
        Func<int, ulong> number = i.Operands[^1] == place ? _ => 0 : Value(i.Operands[^1]);
        return warp => i.Each(thread =>
        {
            int at = address(thread);
            if (i.Name[1] == "init")
                races.Write(thread, at, AsyncBarrierState.Bytes, i.Text);
            else
                races.Check(thread, at, AsyncBarrierState.Bytes, i.Text);
            act(StateOf(at), thread, number);
            if (i.Name[1] != "arrive" || i.Name[2] == "expect_tx")
                return; // copies stay as far ahead as they may
            FinishProductsAlike(warp);
            warp.Yields = true;
        })(warp);
    }

    /// <summary>Holds the warp up until the phase has ended.</summary>
    private Func<Warp, bool> WaitForPhase(Instruction i)
    {
        ulong[] done = Register(i.Operands[0]);
        Func<int, int> address = Address(i.Operands[1]);
        Func<int, ulong> parity = Value(i.Operands[2]);
        return warp =>
        {
            foreach (int thread in warp.ActiveThreads)
            {
                races.Check(thread, address(thread), AsyncBarrierState.Bytes, i.Text);
                if (StateOf(address(thread)).Phase == (int)parity(thread))
                    return false;
            }

            return i.Each(thread =>
            {
                done[thread] = 1;
                races.Acquire(thread, StateOf(address(thread)).Ended);
            })(warp);
        };
    }

    private Func<Warp, bool> CopyBox(Instruction i, bool load, bool add = false)
    {
        // Load: [to], [map, {coordinates}], [barrier]. Store: [map, {coordinates}], [from]. Braces within brackets come as one operand.
        string[] map = i.Operands[load ? 1 : 0].Trim('[', ']').Split('{', '}');
        Func<int, ulong> descriptor = Value(map[0].Trim(' ', '\t', ','));
        Func<int, ulong>[] coordinates = [.. map[1].Split(',').Select(part => Value(part.Trim()))];
        Func<int, int> place = Address(i.Operands[load ? 0 : 1]), barrier = load ? Address(i.Operands[2]) : _ => 0;
        return warp => i.Each(thread =>
        {
            int at = place(thread), field = (int)descriptor(thread);
            Assert(at % 1024 == 0, $"a swizzled box at {at}: {i.Text}");
            int[] origin = [.. coordinates.Select(each => (int)(uint)each(thread))];
            if (!load)
            {
                races.Read(thread, at, BoxBytes(field), i.Text);
                warp.Stores.Enqueue(() => races.Read(thread, at, MoveBox(field, origin, at, load: false, add), i.Text));
                return;
            }

            loaded.Add(Named(field, origin));
            int bytes = MoveBox(field, origin, at, load: null);
            StateOf(barrier(thread)).Expect(thread, at, bytes, i.Text, () => MoveBox(field, origin, at, load: true));
        })(warp);
    }

    /// <summary>[to], [from], bytes, [barrier].</summary>
    private Func<Warp, bool> CopyBytes(Instruction i)
    {
        Func<int, int> to = Address(i.Operands[0]), from = Address(i.Operands[1]), barrier = Address(i.Operands[3]);
        Func<int, ulong> size = Value(i.Operands[2]);
        return i.Each(thread =>
        {
            int target = to(thread), source = from(thread), bytes = (int)size(thread);
            Assert((target | source | bytes) % 16 == 0, $"{bytes} bytes from {source} to {target}: {i.Text}");
            Array.Fill(shared, (byte)0xFF, target, bytes);
            StateOf(barrier(thread)).Expect(thread, target, bytes, i.Text, () => memory.AsSpan(source, bytes).CopyTo(shared.AsSpan(target)));
        });
    }

    /// <summary>Lets stores happen until as many are under way as the operand says.</summary>
    private Func<Warp, bool> FinishStores(Instruction i)
    {
        Func<int, ulong> left = Value(i.Operands[0]);
        return warp =>
        {
            while ((ulong)warp.Stores.Count > left(warp.First))
                warp.Stores.Dequeue()();
            return true;
        };
    }

    /// <summary>Moves a box between memory and shared memory, optionally adding fp32 to the former values, or destroys its shared memory if <paramref name="load"/> is null; returns its bytes.</summary>
    private int MoveBox(int map, int[] origin, int at, bool? load, bool add = false)
    {
        int rank = Field(map, 0), address = Field(map, 1), size = Field(map, 1 + 3 * rank);
        int[] box = Box(map);
        Assert(rank == origin.Length && box[0] * size == 128 && (!add || size == 4), $"a map of rank {rank} and {box[0]} elements a row");
        for (int e = 0; e < BoxBytes(map) / size; e++)
        {
            long from = 0;
            bool inside = true;
            for (int axis = 0, rest = e; axis < rank; rest /= box[axis++])
            {
                long index = (long)origin[axis] + rest % box[axis];
                inside &= index >= 0 && index < Field(map, 2 + axis);
                from += index * (axis == 0 ? 1 : Field(map, 2 + rank + axis - 1));
            }

            Span<byte> element = shared.AsSpan(Swizzled(at + size * e), size);
            int place = address + size * (int)from;
            if (load is null)
                element.Fill(0xFF);
            else if (load == false && inside && add)
                BitConverter.TryWriteBytes(memory.AsSpan(place, size), BitConverter.ToSingle(memory, place) + BitConverter.ToSingle(element));
            else if (load == false && inside)
                element.CopyTo(memory.AsSpan(place, size));
            else if (load == true && inside)
                memory.AsSpan(place, size).CopyTo(element);
            else if (load == true)
                element.Clear();
        }

        return BoxBytes(map);
    }

    private int Field(int map, int i) => BitConverter.ToInt32(memory, map + 4 * i);

    private int[] Box(int map) => [.. Enumerable.Range(0, Field(map, 0)).Select(axis => Field(map, 1 + 2 * Field(map, 0) + axis))];

    private int BoxBytes(int map) => Box(map).Aggregate(Field(map, 1 + 3 * Field(map, 0)), (product, extent) => product * extent);

    /// <summary>Permutes the 16-byte pieces of a row of 128 bytes by the number of the row within eight.</summary>
    private static int Swizzled(int address) => address ^ ((address >> 3) & 0x70);

    /// <summary>Lets the copies arrive that are under way to one of the barriers; false if there are none.</summary>
    private bool DeliverAny()
    {
        AsyncBarrierState[] incomplete = [.. asyncBarriers.Values.Where(state => state.Incomplete)];
        if (incomplete.Length == 0)
            return false;
        incomplete[chance.Next(incomplete.Length)].Deliver();
        return true;
    }

    private AsyncBarrierState StateOf(int address)
    {
        if (!asyncBarriers.TryGetValue(address, out AsyncBarrierState? state))
            asyncBarriers[address] = state = new AsyncBarrierState(races);
        return state;
    }

    /// <summary>A barrier's parity, arrivals and bytes that its phase still wants, and copies that have not arrived.</summary>
    private sealed class AsyncBarrierState(SharedMemoryRaces races)
    {
        public const int Bytes = 8;

        private readonly List<(Action Copy, int Bytes)> copies = [];
        private readonly int[] released = races.NewClock();
        private readonly int agent = races.NewBarrier();
        private int arrivals, left, bytes;

        public int Phase { get; private set; }

        /// <summary>The releases to the phases that have ended, and, as the agent of the copies, the number of these phases.</summary>
        public int[] Ended { get; } = races.NewClock();

        /// <summary>Whether copies are under way.</summary>
        public bool Incomplete => copies.Count > 0;

        public void Initialise(int count) => (arrivals, left, bytes, Phase) = (count, count, 0, 0);

        public void Arrive(int thread, int expected)
        {
            races.Release(thread, released);
            bytes += expected;
            left--;
            Settle();
        }

        /// <summary>A thread has started a copy that the phase waits for.</summary>
        public void Expect(int thread, int at, int size, string text, Action copy)
        {
            races.Copy(thread, agent, Ended[agent] + 1, at, size, text);
            copies.Add((copy, size));
        }

        public void Deliver()
        {
            foreach ((Action copy, int size) in copies)
            {
                copy();
                bytes -= size;
            }

            copies.Clear();
            Settle();
        }

        private void Settle()
        {
            Assert(left >= 0, "more arrivals than the barrier has");
            if (left > 0 || bytes != 0)
                return;
            left = arrivals;
            Phase ^= 1;
            released[agent]++;
            released.CopyTo(Ended, 0);
        }
    }
}

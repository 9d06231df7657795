using System.Numerics.Tensors;

namespace TrigFlowNative.Tests.Ptx;

/// <summary>
/// Finds races in the shared memory of a <see cref="PtxMachine"/>: unordered accesses of two threads to a word, at least one of them a
/// write, in whatever order the machine executed them.
/// </summary>
/// <remarks>
/// Vector clocks after FastTrack (doi:10.1145/1542476.1542490). An agent is a thread; a warp's collective loads (ldmatrix), which are done for all
/// lanes when they are done for one; or the copies that arrive at one barrier. Each agent counts its own releases, and stores the last count that it
/// has seen of every other agent. An access is ordered before all later accesses of the agents that have seen its count. The reads of a
/// warpgroup's products are not checked here: the machine executes them late.
/// </remarks>
internal sealed class SharedMemoryRaces
{
    private const int WordBytes = 4, BarriersOfWarp = 8;

    private readonly int threads, lanes, agents;
    private readonly int[][] seen;
    private readonly int[] collectives;

    /// <summary>For each word its last write and a read: an agent, and its count then, from 1.</summary>
    private readonly int[] writer, written, reader, read;

    /// <summary>Reads beside the one above.</summary>
    private readonly Dictionary<int, int>?[] otherReads;
    private int barriers;

    /// <summary>Nothing has been accessed yet.</summary>
    public SharedMemoryRaces(int threads, int lanes, int bytes)
    {
        (this.threads, this.lanes) = (threads, lanes);
        collectives = new int[threads / lanes];
        agents = threads + (1 + BarriersOfWarp) * collectives.Length;
        seen = [.. Enumerable.Range(0, threads).Select(_ => NewClock())];
        for (int thread = 0; thread < threads; thread++)
            seen[thread][thread] = 1;
        int words = bytes / WordBytes;
        (writer, written, reader, read, otherReads) = (new int[words], new int[words], new int[words], new int[words], new Dictionary<int, int>?[words]);
    }

    /// <summary>A new clock of a synchronisation object, without releases.</summary>
    public int[] NewClock() => new int[agents];

    /// <summary>An agent for the copies that arrive at a further barrier.</summary>
    public int NewBarrier() => threads + collectives.Length + barriers++;

    /// <summary>Releases all that a thread did and saw to the threads that acquire the clock later.</summary>
    public void Release(int thread, int[] clock)
    {
        TensorPrimitives.Max(clock, seen[thread], clock);
        seen[thread][thread]++;
    }

    /// <summary>Lets a thread see all that others have released to the clock.</summary>
    public void Acquire(int thread, int[] clock) => TensorPrimitives.Max(seen[thread], clock, seen[thread]);

    /// <summary>Records a read; throws if a write that the thread has not seen may change the word.</summary>
    public void Read(int thread, int at, int bytes, string text)
    {
        Check(thread, at, bytes, text);
        Note(thread, thread, seen[thread][thread], at, bytes);
    }

    /// <summary>Records a load of a whole warp, for which each lane gives an address.</summary>
    public void ReadTogether(int first, ReadOnlySpan<int> places, int bytes, string text)
    {
        int warp = first / lanes, agent = threads + warp;
        collectives[warp]++;
        for (int lane = 0; lane < lanes; lane++)
        {
            Check(first + lane, places[lane], bytes, text);
            Note(first + lane, agent, collectives[warp], places[lane], bytes);
            seen[first + lane][agent] = collectives[warp];
        }
    }

    /// <summary>Records a write; throws if another thread's access to the word is not ordered before it.</summary>
    public void Write(int thread, int at, int bytes, string text)
    {
        Check(thread, at, bytes, text);
        Overwrite(thread, thread, seen[thread][thread], at, bytes, text);
    }

    /// <summary>Records a store of the value that the word already has: lanes of a warp may store one value together.</summary>
    public void WriteAgain(int thread, int at, string text)
    {
        if (writer[at / WordBytes] / lanes != thread / lanes)
            Check(thread, at, WordBytes, text);
        Overwrite(thread, thread, seen[thread][thread], at, WordBytes, text);
    }

    /// <summary>Records a copy that a thread starts; only threads that have seen its barrier's phase see it.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="barrier">The agent of the barrier's copies.</param>
    /// <param name="phase">Number of the phase that waits for the copy, from 1.</param>
    /// <param name="at">First byte.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="text">The instruction.</param>
    public void Copy(int thread, int barrier, int phase, int at, int bytes, string text)
    {
        Check(thread, at, bytes, text);
        Overwrite(thread, barrier, phase, at, bytes, text);
    }

    /// <summary>Throws unless a thread has seen the last write of each word.</summary>
    public void Check(int thread, int at, int bytes, string text)
    {
        for (int word = at / WordBytes; word < (at + bytes) / WordBytes; word++)
            if (seen[thread][writer[word]] < written[word])
                throw new InvalidOperationException($"race at {word * WordBytes}: thread {thread} has not seen what {Named(writer[word])} wrote: {text}");
    }

    private void Overwrite(int thread, int agent, int count, int at, int bytes, string text)
    {
        for (int word = at / WordBytes; word < (at + bytes) / WordBytes; word++)
        {
            CheckReader(thread, word, reader[word], read[word], text);
            foreach ((int other, int then) in otherReads[word] ?? [])
                CheckReader(thread, word, other, then, text);
            otherReads[word]?.Clear();
            (writer[word], written[word], read[word]) = (agent, count, 0);
        }
    }

    private void CheckReader(int thread, int word, int other, int then, string text)
    {
        if (seen[thread][other] < then)
            throw new InvalidOperationException($"race at {word * WordBytes}: thread {thread} overwrites what {Named(other)} may still read: {text}");
    }

    private void Note(int thread, int agent, int count, int at, int bytes)
    {
        for (int word = at / WordBytes; word < (at + bytes) / WordBytes; word++)
        {
            if (reader[word] == agent || seen[thread][reader[word]] >= read[word]) // a thread that has seen this read has seen the previous one
                (reader[word], read[word]) = (agent, count);
            else
                (otherReads[word] ??= [])[agent] = count;
        }
    }

    private string Named(int agent) => agent < threads ? $"thread {agent}" : agent < threads + collectives.Length ? $"warp {agent - threads}" : $"copies to barrier {agent - threads - collectives.Length}";
}

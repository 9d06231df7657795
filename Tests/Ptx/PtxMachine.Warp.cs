namespace TrigFlowNative.Tests.Ptx;

/// <summary>The copies and products that a warp has in flight.</summary>
internal sealed partial class PtxMachine
{
    /// <summary>A decoded statement.</summary>
    private sealed record Instruction(string Text, string[] Name, string[] Operands, Func<int, bool> On)
    {
        public string Type => Name[^1];

        /// <summary>An instruction that every lane executes by itself.</summary>
        public Func<Warp, bool> Each(Action<int> execute) => warp =>
        {
            for (int lane = 0; lane < Lanes; lane++)
                if (warp.Active[lane] && On(warp.First + lane))
                    execute(warp.First + lane);
            return true;
        };
    }

    /// <summary>An asynchronous copy to shared memory: bytes read of the bytes written, the rest zeros.</summary>
    private sealed record Copy(int To, int From, int Read, int Written, string Text);

    /// <summary>How a statement uses a barrier of the block.</summary>
    /// <param name="Threads">Threads that the barrier wants.</param>
    /// <param name="Waits">Whether it waits for them.</param>
    /// <param name="Orders">Whether it orders accesses to shared memory.</param>
    /// <param name="Place">The statement, where all threads must come to the same one; else -1.</param>
    private readonly record struct BarrierUse(int Threads, bool Waits, bool Orders, int Place);

    /// <summary>A barrier of the block at which some threads have arrived: the statement, their releases, the waiting warps, and the number of threads.</summary>
    private sealed record BlockBarrier(int Place, int[] Clock, List<Warp> Waiting)
    {
        public int Arrived { get; set; }
    }

    private sealed class Warp(int first)
    {
        public int First { get; } = first;

        /// <summary>The next statement of each lane; past all statements for one that has ended.</summary>
        public int[] Next { get; } = new int[Lanes];

        /// <summary>The lanes that execute the statement at hand.</summary>
        public bool[] Active { get; } = new bool[Lanes];

        public IEnumerable<int> Threads => Enumerable.Range(First, Lanes);

        /// <summary>The threads of the lanes at work.</summary>
        public IEnumerable<int> ActiveThreads => Threads.Where(thread => Active[thread - First]);

        public bool Waiting { get; set; }

        /// <summary>Whether the warp has just arrived at a barrier that others wait for: they go first, so that an arrival that comes too early shows.</summary>
        public bool Yields { get; set; }

        public bool Done => Next.All(next => next == int.MaxValue);

        /// <summary>Each lane's groups of copies under way, the last open.</summary>
        public List<List<Copy>>[] Copies { get; } = [.. Enumerable.Range(0, Lanes).Select(_ => new List<List<Copy>> { new() })];

        /// <summary>Stores of boxes under way; they read shared memory no sooner than somebody waits for them.</summary>
        public Queue<Action> Stores { get; } = [];

        /// <summary>Products of a warpgroup that have been issued, and groups of them that have been committed.</summary>
        public List<Action> Products { get; } = [];

        /// <inheritdoc cref="Products"/>
        public Queue<List<Action>> Groups { get; } = [];

        /// <summary>Groups that have been committed so far.</summary>
        public int Committed { get; set; }

        /// <summary>Takes the lanes that are furthest behind a statement on; returns the statement they execute. Lanes at a statement of the whole warp wait for the others.</summary>
        public int Begin(List<bool> whole)
        {
            int at = Next.Where(next => next < whole.Count && (!whole[next] || Next.All(other => other == next))).DefaultIfEmpty(Next.Min()).Min();
            for (int lane = 0; lane < Lanes; lane++)
                Active[lane] = Next[lane] == at;
            GoTo(at + 1);
            return at;
        }

        /// <summary>Sets the next statement of the lanes at work.</summary>
        public void GoTo(int statement)
        {
            for (int lane = 0; lane < Lanes; lane++)
                if (Active[lane])
                    Next[lane] = statement;
        }

        /// <summary>Throws unless all lanes are at work.</summary>
        public Warp Whole(string text)
        {
            Assert(Active.All(active => active), $"lanes of a warp part: {text}");
            return this;
        }
    }
}

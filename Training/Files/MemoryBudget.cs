namespace TrigFlowNative.Training.Files;

/// <summary>
/// A number of bytes that may be in use at once. Work that would exceed it waits, so that the peak depends on the budget and not on the number of
/// cores. Work that needs more than the whole budget runs alone. Thread-safe.
/// </summary>
internal sealed class MemoryBudget(long limit)
{
    private readonly object gate = new();
    private long used;

    /// <summary>Most bytes that were in use at once.</summary>
    internal long Peak { get; private set; }

    /// <summary>Waits until the bytes are free and takes them until the returned lease is disposed.</summary>
    internal Lease Take(long bytes)
    {
        lock (gate)
        {
            while (used > 0 && used + bytes > limit)
                Monitor.Wait(gate);
            used += bytes;
            Peak = Math.Max(Peak, used);
        }

        return new Lease(this, bytes);
    }

    /// <summary>Bytes taken from a budget.</summary>
    internal readonly struct Lease(MemoryBudget budget, long bytes) : IDisposable
    {
        /// <summary>Gives the bytes back.</summary>
        public void Dispose()
        {
            lock (budget.gate)
            {
                budget.used -= bytes;
                Monitor.PulseAll(budget.gate);
            }
        }
    }
}

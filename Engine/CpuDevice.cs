using System.Runtime.Intrinsics.X86;

namespace TrigFlowNative.Engine;

/// <summary>The host: vectorised loops on all cores. The default where there is no GPU, and the cross-check in every test.</summary>
public sealed class CpuDevice : ComputeDevice
{
    private readonly ParallelOptions options;
    private long allocated;

    /// <summary>Opens the host.</summary>
    /// <param name="threads">Number of threads, at least 1; null for one per logical processor.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is below 1.</exception>
    public CpuDevice(int? threads = null)
    {
        Threads = threads ?? Environment.ProcessorCount;
        ArgumentOutOfRangeException.ThrowIfLessThan(Threads, 1);
        options = new ParallelOptions { MaxDegreeOfParallelism = Threads };
    }

    /// <summary>Maximum number of threads of a loop.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public override string Name => "cpu";

    /// <inheritdoc/>
    public override string Description =>
        $"{Threads} threads, {(Avx512F.IsSupported ? "AVX-512" : Fma.IsSupported ? "AVX2 + FMA" : "no FMA vectors")}";

    /// <inheritdoc/>
    public override long AllocatedBytes => Interlocked.Read(ref allocated);

    /// <inheritdoc/>
    public override void Synchronize()
    {
    }

    /// <summary>
    /// Runs body(i) for i in [0, count) on all threads. Which thread runs an item is not fixed, so no item may read what
    /// another writes; reductions go over blocks whose size does not depend on the number of threads.
    /// </summary>
    /// <exception cref="AggregateException">A body threw while the loop ran on several threads.</exception>
    public void For(int count, Action<int> body)
    {
        if (count == 1 || Threads == 1)
        {
            for (int i = 0; i < count; i++)
                body(i);
        }
        else
        {
            Parallel.For(0, count, options, body);
        }
    }

    /// <summary>Runs body(start, end) over consecutive ranges of [0, count), each of <paramref name="grain"/> items; the last may be shorter.</summary>
    /// <exception cref="AggregateException">A body threw while the loop ran on several threads.</exception>
    /// <exception cref="OverflowException">There are 2^31 ranges or more.</exception>
    public void For(long count, int grain, Action<long, long> body) =>
        For(checked((int)((count + grain - 1) / grain)), i => body((long)i * grain, Math.Min(count, (i + 1L) * grain)));

    /// <summary>Whether tensors get no memory, for programs that are recorded and never run: they forget what is written to them.</summary>
    internal bool OnlyRecords { get; init; }

    internal override DeviceMemory Allocate(long bytes, string what) => OnlyRecords ? new NoMemory(bytes) : new HostMemory(bytes, what, change => Interlocked.Add(ref allocated, change));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }
}

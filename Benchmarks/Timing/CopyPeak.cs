using System.Diagnostics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>The rate at which all threads of a device copy a number of bytes, again and again: from a few on, they lie in a cache, many in memory.</summary>
internal static class CopyPeak
{
    /// <summary>Read and written by a copy that no cache holds, unless that is larger than 128 MiB.</summary>
    public const long MemoryBytes = 256L << 20;

    private const int Repetitions = 5;
    private const double MinBytes = 64 << 20; // a measurement moves as many, so that waking the threads does not count

    /// <summary>Read and written by copies that a cache may hold, the smallest first: 64 KiB to 64 MiB.</summary>
    public static IReadOnlyList<long> CacheBytes { get; } = [.. Enumerable.Range(16, 11).Select(power => 1L << power)];

    /// <summary>Returns the best of a few measurements, in bytes read plus bytes written a second.</summary>
    /// <param name="cpu">The device whose threads copy, each its own part.</param>
    /// <param name="bytes">Bytes read plus bytes written.</param>
    public static double Measure(CpuDevice cpu, long bytes)
    {
        int part = (int)(bytes / 2 / sizeof(float) / cpu.Threads), times = (int)Math.Max(1, MinBytes / bytes);
        using Tensor source = cpu.CreateTensor(new Shape(part * cpu.Threads)), target = cpu.CreateTensor(new Shape(part * cpu.Threads));
        double best = 0;
        for (int i = 0; i <= Repetitions; i++) // the first touches the memory
        {
            long start = Stopwatch.GetTimestamp();
            cpu.For(cpu.Threads, thread => Copy(source.Span.Slice(thread * part, part), target.Span.Slice(thread * part, part), times));
            double rate = 2.0 * sizeof(float) * part * cpu.Threads * times / Stopwatch.GetElapsedTime(start).TotalSeconds;
            best = i == 0 ? 0 : Math.Max(best, rate);
        }

        return best;
    }

    private static void Copy(Span<float> source, Span<float> target, int times)
    {
        for (int i = 0; i < times; i++)
            source.CopyTo(target);
    }
}

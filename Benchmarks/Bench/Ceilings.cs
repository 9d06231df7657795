using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>The best rates that the device reached in this run, from which the bound of every row follows; NaN for a rate that was not measured.</summary>
/// <param name="BytesPerSecond">Bytes read plus bytes written by a copy within device memory.</param>
/// <param name="FlopsPerSecond">On a GPU, operations of a product of large square matrices whose result is correct; on the host, of multiply-adds in registers.</param>
public sealed record Ceilings(double BytesPerSecond, double FlopsPerSecond)
{
    private const int CopyElements = 1 << 26; // 256 MiB: five times an H200's L2 cache. The driver copies 1 GiB within a graph another way, a third slower
    private const double FasterThanMemory = 1.5, PeakFlops = 2e8;
    private const int PeakTries = 20; // short ones, so that some are not disturbed on a machine with other work
    private static readonly int[] Squares = [4096, 8192]; // the larger fills every multiprocessor, but may reach the card's power cap

    /// <summary>No ceiling was measured.</summary>
    public static Ceilings Unknown { get; } = new(double.NaN, double.NaN);

    /// <summary>Rates of copies whose bytes stay in the processor's caches, the smallest first; none on a GPU, where caches are cleared before each run.</summary>
    public IReadOnlyList<CopyRate> Cached { get; init; } = [];

    /// <summary>Returns the roofline bound, in seconds, of a kernel with a number of operations and bytes; NaN if a ceiling that it needs is unknown.</summary>
    public double Bound(double flops, double bytes)
    {
        double arithmetic = flops > 0 ? flops / FlopsPerSecond : 0;
        double memory = bytes > 0 ? bytes / RateOf(bytes) : 0;
        return double.IsNaN(arithmetic) || double.IsNaN(memory) ? double.NaN : Math.Max(arithmetic, memory);
    }

    /// <summary>Whether the memory ceiling gives the bound.</summary>
    public bool IsMemoryBound(double flops, double bytes) => bytes / RateOf(bytes) >= flops / FlopsPerSecond || flops == 0;

    /// <summary>Whether so many bytes stay in a cache from run to run.</summary>
    public bool IsCached(double bytes) => Cached.Count > 0 && bytes < MemoryFrom;

    /// <summary>
    /// Bytes a second at which so many bytes can be moved, read and written together: the rate of the largest copy measured that is no larger, since larger copies
    /// are slower, so that the bound that follows is one.
    /// </summary>
    public double RateOf(double bytes) => !IsCached(bytes) ? BytesPerSecond : (Cached.LastOrDefault(each => each.Bytes <= bytes) ?? Cached[0]).BytesPerSecond;

    /// <summary>Bytes from which memory decides: twice the largest cached copy.</summary>
    private double MemoryFrom => 2 * Cached[^1].Bytes;

    /// <summary>Measures the ceilings; the simulator has none, since its times mean nothing.</summary>
    internal static Ceilings Measure(ComputeDevice device, DeviceClock clock, DType type) => device switch
    {
        GpuDevice { IsCuda: true } gpu => new Ceilings(CopyOnGpu(gpu, clock), MatrixRate(gpu, clock, type)),
        CpuDevice cpu => OnHost(cpu),
        _ => Unknown,
    };

    /// <summary>Times the engine's own copy, which the driver executes.</summary>
    private static double CopyOnGpu(GpuDevice gpu, DeviceClock clock) =>
        new KernelBench(gpu, clock, Unknown).Run(new CopyCase(CopyElements)).Tbps * 1e12 ?? double.NaN;

    /// <summary>Copies of rising size on all threads; those that are clearly faster than one in memory lie in a cache.</summary>
    private static Ceilings OnHost(CpuDevice cpu)
    {
        double memory = CopyPeak.Measure(cpu, CopyPeak.MemoryBytes);
        CopyRate[] rates = [.. CopyPeak.CacheBytes.Select(bytes => new CopyRate(bytes, CopyPeak.Measure(cpu, bytes))).TakeWhile(each => each.BytesPerSecond > FasterThanMemory * memory)];
        for (int i = rates.Length - 2; i >= 0; i--) // a smaller copy is not slower; where it seems so, its loop was
            rates[i] = rates[i] with { BytesPerSecond = Math.Max(rates[i].BytesPerSecond, rates[i + 1].BytesPerSecond) };
        return new Ceilings(memory, Enumerable.Range(0, PeakTries).Max(_ => FmaPeak.Measure(cpu, PeakFlops)) * 1e9) { Cached = rates };
    }

    private static double MatrixRate(GpuDevice gpu, DeviceClock clock, DType type) =>
        Squares.Max(n => new KernelBench(gpu, clock, Unknown).Run(ProductCase.Gemm(n, n, n, type, Direction.Forward)).Tflops) * 1e12 ?? double.NaN;
}

/// <summary>The rate of a copy that lies in a cache.</summary>
/// <param name="Bytes">Bytes read plus bytes written.</param>
/// <param name="BytesPerSecond">Bytes read plus bytes written a second.</param>
public sealed record CopyRate(double Bytes, double BytesPerSecond);

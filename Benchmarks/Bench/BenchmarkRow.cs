using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>A row of the suite's table: what was measured, its time, and the bound of that time. Fields that are null or empty are unknown; RESULTS.md explains the columns.</summary>
public sealed record BenchmarkRow
{
    /// <summary>Version of the columns. It rises if a column is removed or changes its meaning, not if one is added.</summary>
    public const int CurrentSchema = 2;

    /// <summary>Values of <see cref="Path"/> for this project; every other value is a peer's name.</summary>
    private static readonly string[] OwnPaths = ["portable", "mma", "wgmma", "cuda", "cpu", "simulator"];

    internal const string Right = "ok", Wrong = "WRONG", Failed = "FAILED";

    /// <summary>Version of the columns; files without the column have version 1.</summary>
    [Name("schema")]
    public int? Schema { get; init; } = CurrentSchema;

    /// <summary>Name of the family, such as conv.</summary>
    [Name("op")]
    public string Op { get; init; } = "";

    /// <summary>Direction, such as input-gradient.</summary>
    [Name("direction")]
    public string Direction { get; init; } = "";

    /// <summary>Shape in the family's words.</summary>
    [Name("shape")]
    public string Shape { get; init; } = "";

    /// <summary>Storage type of activations: fp32 or bf16.</summary>
    [Name("dtype")]
    public string Type { get; init; } = "";

    /// <summary>The implementation: portable (without tensor cores), mma, wgmma, cuda (a whole piece of work), cpu or simulator; for a peer its name and version.</summary>
    [Name("path")]
    public string Path { get; init; } = "";

    /// <summary>The clock: graph (events inside a captured graph), benchmarkdotnet (the host's, waiting for the device) or host; for PyTorch's scripts events or host.</summary>
    [Name("clock")]
    public string Clock { get; init; } = "";

    /// <summary>Median time, microseconds.</summary>
    [Name("us"), Format("0.##")]
    public double? Microseconds { get; init; }

    /// <summary>5th percentile, microseconds.</summary>
    [Name("us_p5"), Format("0.##")]
    public double? Low { get; init; }

    /// <summary>95th percentile, microseconds.</summary>
    [Name("us_p95"), Format("0.##")]
    public double? High { get; init; }

    /// <summary>Number of timed runs.</summary>
    [Name("repetitions")]
    public int? Repetitions { get; init; }

    /// <summary>Floating-point operations, a multiply-add counted as two.</summary>
    [Name("flops"), Format("0")]
    public double? Flops { get; init; }

    /// <summary>Bytes moved if each operand is read once and each result written once.</summary>
    [Name("bytes"), Format("0")]
    public double? Bytes { get; init; }

    /// <summary>10^12 operations per second.</summary>
    [Name("tflops"), Format("0.####")]
    public double? Tflops { get; init; }

    /// <summary>10^12 bytes per second.</summary>
    [Name("tbps"), Format("0.####")]
    public double? Tbps { get; init; }

    /// <summary>Images per second, for pieces of work on images.</summary>
    [Name("images_per_second"), Format("0.#")]
    public double? ImagesPerSecond { get; init; }

    /// <summary>Device memory that the work allocates, GiB.</summary>
    [Name("peak_gib"), Format("0.###")]
    public double? PeakGib { get; init; }

    /// <summary>Memory ceiling of this run: 10^12 bytes per second, read and written by a copy within device memory.</summary>
    [Name("copy_tbps"), Format("0.####")]
    public double? CopyTbps { get; init; }

    /// <summary>Arithmetic ceiling of this run: 10^12 operations per second of the best product.</summary>
    [Name("best_tflops"), Format("0.####")]
    public double? BestTflops { get; init; }

    /// <summary>The roofline bound: the minimum time that the ceilings allow, microseconds.</summary>
    [Name("bound_us"), Format("0.##")]
    public double? BoundMicroseconds { get; init; }

    /// <summary>The bound as a share of the time, percent.</summary>
    [Name("bound_percent"), Format("0.#")]
    public double? BoundPercent { get; init; }

    /// <summary>The ceiling that gives the bound: memory, cache (a copy of as many bytes, which stay in a cache) or arithmetic.</summary>
    [Name("bound_by")]
    public string BoundBy { get; init; } = "";

    /// <summary>Registers of a thread, the maximum over the kernels launched.</summary>
    [Name("registers")]
    public int? Registers { get; init; }

    /// <summary>Local memory of a thread in bytes, mostly spills; the maximum over the kernels launched.</summary>
    [Name("spill_bytes")]
    public int? SpillBytes { get; init; }

    /// <summary>Shared memory of a block in bytes, the maximum over the kernels launched.</summary>
    [Name("shared_bytes")]
    public int? SharedBytes { get; init; }

    /// <summary>Resident threads on a multiprocessor, for the kernel with the most registers, in percent of the maximum.</summary>
    [Name("occupancy_percent"), Format("0.#")]
    public double? OccupancyPercent { get; init; }

    /// <summary>Clock of the multiprocessors during the timing, MHz.</summary>
    [Name("sm_mhz")]
    public int? SmMegahertz { get; init; }

    /// <summary>Temperature of the GPU during the timing, degrees Celsius.</summary>
    [Name("temperature_c")]
    public int? Temperature { get; init; }

    /// <summary>Reason for which the GPU lowered its clock during the timing; empty if it did not.</summary>
    [Name("throttled")]
    public string Throttled { get; init; } = "";

    /// <summary>Relative L2 error against a float64 reference.</summary>
    [Name("error"), Format("0.00e+0")]
    public double? Error { get; init; }

    /// <summary>ok, WRONG (such a result is not timed) or FAILED (the note gives the reason).</summary>
    [Name("verdict")]
    public string Verdict { get; init; } = "";

    /// <summary>The fastest peer with a correct result for the same case and storage type.</summary>
    [Name("peer")]
    public string Peer { get; init; } = "";

    /// <summary>The peer's median time, microseconds.</summary>
    [Name("peer_us"), Format("0.##")]
    public double? PeerMicroseconds { get; init; }

    /// <summary>The peer's time divided by ours: above 1 if ours is faster.</summary>
    [Name("ratio"), Format("0.###")]
    public double? Ratio { get; init; }

    /// <summary>The graphics card or processor.</summary>
    [Name("device")]
    public string Device { get; init; } = "";

    /// <summary>The reason for a failure, or a remark on the row.</summary>
    [Name("note")]
    public string Note { get; init; } = "";

    /// <summary>Medians of the rounds, microseconds, separated by blanks; each round is a process of its own. Empty for a row of one round.</summary>
    [Name("us_rounds")]
    public string Rounds { get; init; } = "";

    /// <summary>Lower end of the interval of the median over the rounds, microseconds.</summary>
    [Name("us_interval_low"), Format("0.##")]
    public double? IntervalLow { get; init; }

    /// <summary>Upper end of the interval of the median over the rounds, microseconds.</summary>
    [Name("us_interval_high"), Format("0.##")]
    public double? IntervalHigh { get; init; }

    /// <summary>The machine that measured: processor, memory, systems, commit.</summary>
    [Name("machine")]
    public string Machine { get; init; } = "";

    /// <summary>Processes that ran or waited at the start, averaged over a minute; null where the system does not say.</summary>
    [Name("load"), Format("0.##")]
    public double? Load { get; init; }

    /// <summary>Whether the row is one of this project's, not a peer's.</summary>
    [Ignore]
    public bool IsOurs => OwnPaths.Contains(Path);

    /// <summary>op/direction/shape.</summary>
    [Ignore]
    public string Name => $"{Op}/{Direction}/{Shape}";

    /// <summary>Returns the row of a case before it is measured.</summary>
    internal static BenchmarkRow Of(SuiteCase each, ComputeDevice device, string path) => new()
    {
        Op = each.Family,
        Direction = each.Direction,
        Shape = each.Shape,
        Type = each.Type == DType.BFloat16 ? "bf16" : "fp32",
        Path = path,
        Device = device.Description,
        Flops = each.Flops > 0 ? each.Flops : null,
        Bytes = each.Bytes > 0 ? each.Bytes : null,
    };

    /// <summary>Returns the row with the resources of its kernels, if they are known.</summary>
    internal BenchmarkRow WithUse(KernelUse? use) => this with
    {
        Registers = use?.Registers,
        SpillBytes = use?.SpillBytes,
        SharedBytes = use?.SharedBytes,
        OccupancyPercent = use?.OccupancyPercent,
    };

    /// <summary>Returns the row with its time, its rates and its bound.</summary>
    internal BenchmarkRow WithTimes(Duration time, Ceilings ceilings)
    {
        double bound = ceilings.Bound(Flops ?? 0, Bytes ?? 0);
        bool bounded = bound > 0;
        return this with
        {
            Clock = time.Clock,
            Microseconds = 1e6 * time.Median,
            Low = 1e6 * time.Low,
            High = 1e6 * time.High,
            Repetitions = time.Repetitions,
            Tflops = Flops / time.Median / 1e12,
            Tbps = Bytes / time.Median / 1e12,
            CopyTbps = Known(ceilings.BytesPerSecond / 1e12),
            BestTflops = Known(ceilings.FlopsPerSecond / 1e12),
            BoundMicroseconds = bounded ? 1e6 * bound : null,
            BoundPercent = bounded ? 100 * bound / time.Median : null,
            BoundBy = !bounded ? "" : !ceilings.IsMemoryBound(Flops ?? 0, Bytes ?? 0) ? "arithmetic" : ceilings.IsCached(Bytes ?? 0) ? "cache" : "memory",
            SmMegahertz = time.State?.SmMegahertz,
            Temperature = time.State?.Temperature,
            Throttled = time.State?.Throttled ?? "",
        };
    }

    /// <summary>Returns the row with the time of a peer for the same case.</summary>
    internal BenchmarkRow WithPeer(string peer, double? microseconds) =>
        this with { Peer = peer, PeerMicroseconds = microseconds, Ratio = microseconds / Microseconds };

    private static double? Known(double value) => double.IsNaN(value) ? null : value;
}

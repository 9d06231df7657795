using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>One line of the suite's table: what was measured, how long it took and what bounds it. Empty fields are unknown; RESULTS.md has the schema.</summary>
public sealed record BenchmarkRow
{
    /// <summary>The version of the columns; it rises when one is taken out or changes its meaning, not when one is added.</summary>
    public const int CurrentSchema = 2;

    /// <summary>What stands in <see cref="Path"/> for our own work; all else is a peer's name.</summary>
    private static readonly string[] OwnPaths = ["portable", "mma", "wgmma", "cuda", "cpu", "simulator"];

    internal const string Right = "ok", Wrong = "WRONG", Failed = "FAILED";

    /// <summary>Version of the columns; 1 where the file has none.</summary>
    [Name("schema")]
    public int? Schema { get; init; } = CurrentSchema;

    /// <summary>Family, such as conv.</summary>
    [Name("op")]
    public string Op { get; init; } = "";

    /// <summary>Such as input-gradient.</summary>
    [Name("direction")]
    public string Direction { get; init; } = "";

    /// <summary>In the words of the family.</summary>
    [Name("shape")]
    public string Shape { get; init; } = "";

    /// <summary>Storage of activations: fp32 or bf16.</summary>
    [Name("dtype")]
    public string Type { get; init; } = "";

    /// <summary>What did it: of ours portable (no tensor cores), mma or wgmma, cuda for a whole work, cpu, simulator; else the name of a peer.</summary>
    [Name("path")]
    public string Path { get; init; } = "";

    /// <summary>How it was timed: graph (events inside of a captured graph), benchmarkdotnet (the host's clock, the device waited for), or host; of PyTorch's scripts events or host.</summary>
    [Name("clock")]
    public string Clock { get; init; } = "";

    /// <summary>Median, microseconds.</summary>
    [Name("us"), Format("0.##")]
    public double? Microseconds { get; init; }

    /// <summary>5th percentile, microseconds.</summary>
    [Name("us_p5"), Format("0.##")]
    public double? Low { get; init; }

    /// <summary>95th percentile, microseconds.</summary>
    [Name("us_p95"), Format("0.##")]
    public double? High { get; init; }

    /// <summary>Runs that were timed.</summary>
    [Name("repetitions")]
    public int? Repetitions { get; init; }

    /// <summary>Floating-point operations that count.</summary>
    [Name("flops"), Format("0")]
    public double? Flops { get; init; }

    /// <summary>Bytes that must move.</summary>
    [Name("bytes"), Format("0")]
    public double? Bytes { get; init; }

    /// <summary>10^12 operations per second.</summary>
    [Name("tflops"), Format("0.####")]
    public double? Tflops { get; init; }

    /// <summary>10^12 bytes per second.</summary>
    [Name("tbps"), Format("0.####")]
    public double? Tbps { get; init; }

    /// <summary>Images per second, for whole steps and samples.</summary>
    [Name("images_per_second"), Format("0.#")]
    public double? ImagesPerSecond { get; init; }

    /// <summary>Device memory that a whole work holds, GiB, what the run held before it not counted.</summary>
    [Name("peak_gib"), Format("0.###")]
    public double? PeakGib { get; init; }

    /// <summary>Ceiling of this run: 10^12 bytes per second of a copy within the device's memory.</summary>
    [Name("copy_tbps"), Format("0.####")]
    public double? CopyTbps { get; init; }

    /// <summary>Ceiling of this run: 10^12 operations per second of the best product.</summary>
    [Name("best_tflops"), Format("0.####")]
    public double? BestTflops { get; init; }

    /// <summary>The roofline's least time, microseconds.</summary>
    [Name("bound_us"), Format("0.##")]
    public double? BoundMicroseconds { get; init; }

    /// <summary>The bound's share of the time.</summary>
    [Name("bound_percent"), Format("0.#")]
    public double? BoundPercent { get; init; }

    /// <summary>What the bound comes from: memory or arithmetic.</summary>
    [Name("bound_by")]
    public string BoundBy { get; init; } = "";

    /// <summary>Registers of a thread, the most of all kernels launched.</summary>
    [Name("registers")]
    public int? Registers { get; init; }

    /// <summary>Local memory of a thread in bytes, spills above all; the most of all kernels launched.</summary>
    [Name("spill_bytes")]
    public int? SpillBytes { get; init; }

    /// <summary>Shared memory of a block in bytes, the most of all kernels launched.</summary>
    [Name("shared_bytes")]
    public int? SharedBytes { get; init; }

    /// <summary>Threads that a multiprocessor can hold of the kernel with the most registers, as a share of those it has room for.</summary>
    [Name("occupancy_percent"), Format("0.#")]
    public double? OccupancyPercent { get; init; }

    /// <summary>Clock of the multiprocessors while it was timed.</summary>
    [Name("sm_mhz")]
    public int? SmMegahertz { get; init; }

    /// <summary>Temperature of the GPU while it was timed.</summary>
    [Name("temperature_c")]
    public int? Temperature { get; init; }

    /// <summary>Why the GPU held its clock back while it was timed; empty if it did not.</summary>
    [Name("throttled")]
    public string Throttled { get; init; } = "";

    /// <summary>Relative L2 error against float64.</summary>
    [Name("error"), Format("0.00e+0")]
    public double? Error { get; init; }

    /// <summary>ok, WRONG (and then not timed) or FAILED.</summary>
    [Name("verdict")]
    public string Verdict { get; init; } = "";

    /// <summary>The fastest peer that did the same work.</summary>
    [Name("peer")]
    public string Peer { get; init; } = "";

    /// <summary>Its median, microseconds.</summary>
    [Name("peer_us"), Format("0.##")]
    public double? PeerMicroseconds { get; init; }

    /// <summary>Its time over ours: above 1 ours is the faster.</summary>
    [Name("ratio"), Format("0.###")]
    public double? Ratio { get; init; }

    /// <summary>The card, or the processor.</summary>
    [Name("device")]
    public string Device { get; init; } = "";

    /// <summary>What went wrong, or what is to be known of the row.</summary>
    [Name("note")]
    public string Note { get; init; } = "";

    /// <summary>Whether the work is ours, and not a peer's.</summary>
    [Ignore]
    public bool IsOurs => OwnPaths.Contains(Path);

    /// <summary>op/direction/shape.</summary>
    [Ignore]
    public string Name => $"{Op}/{Direction}/{Shape}";

    /// <summary>A row that has still to be measured.</summary>
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

    /// <summary>The row with what its kernels take of a multiprocessor, where that is known.</summary>
    internal BenchmarkRow WithUse(KernelUse? use) => this with
    {
        Registers = use?.Registers,
        SpillBytes = use?.SpillBytes,
        SharedBytes = use?.SharedBytes,
        OccupancyPercent = use?.OccupancyPercent,
    };

    /// <summary>The row with its time and what follows from it.</summary>
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
            BoundBy = !bounded ? "" : ceilings.IsMemoryBound(Flops ?? 0, Bytes ?? 0) ? "memory" : "arithmetic",
            SmMegahertz = time.State?.SmMegahertz,
            Temperature = time.State?.Temperature,
            Throttled = time.State?.Throttled ?? "",
        };
    }

    /// <summary>The row beside a peer's time for the same work.</summary>
    internal BenchmarkRow WithPeer(string peer, double? microseconds) =>
        this with { Peer = peer, PeerMicroseconds = microseconds, Ratio = microseconds / Microseconds };

    private static double? Known(double value) => double.IsNaN(value) ? null : value;
}

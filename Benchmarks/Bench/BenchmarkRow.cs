using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Benchmarks;

/// <summary>A row of the suite's table: what was measured, its time, and the bound of that time. Fields that are null or empty are unknown; RESULTS.md explains the columns.</summary>
public sealed partial record BenchmarkRow
{
    /// <summary>Version of the columns. It rises if a column is removed or changes its meaning, not if one is added.</summary>
    public const int CurrentSchema = 2;

    /// <summary>Values of <see cref="Path"/> for this project; every other value is a peer's name.</summary>
    private static readonly string[] OwnPaths = ["portable", "mma", "wgmma", "cuda", "cpu", "simulator"];

    internal const string Right = "ok", Wrong = "WRONG", Failed = "FAILED", OutOfMemory = "MEMORY";

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

    /// <summary>ok, WRONG (such a result is not timed), MEMORY (the work does not fit the device) or FAILED (the note gives the reason).</summary>
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

    /// <summary>Mean time of a run of a piece of work under sustained load, microseconds: after the first seconds, when the card has reached its power cap. <see cref="Microseconds"/> is its time in a burst.</summary>
    [Name("sustained_us"), Format("0.##")]
    public double? SustainedMicroseconds { get; init; }

    /// <summary>Images per second under sustained load.</summary>
    [Name("sustained_images_per_second"), Format("0.#")]
    public double? SustainedImagesPerSecond { get; init; }

    /// <summary>10^12 operations per second under sustained load.</summary>
    [Name("sustained_tflops"), Format("0.####")]
    public double? SustainedTflops { get; init; }

    /// <summary>Mean clock of the multiprocessors under sustained load, MHz.</summary>
    [Name("sustained_sm_mhz"), Format("0.#")]
    public double? SustainedMegahertz { get; init; }

    /// <summary>Mean power of the card under sustained load, W.</summary>
    [Name("sustained_watts"), Format("0.#")]
    public double? SustainedWatts { get; init; }

    /// <summary>Energy of the card for an image under sustained load, J.</summary>
    [Name("joules_per_image"), Format("0.####")]
    public double? JoulesPerImage { get; init; }

    /// <summary>Memory ceiling under sustained load: 10^12 bytes per second.</summary>
    [Name("sustained_copy_tbps"), Format("0.####")]
    public double? SustainedCopyTbps { get; init; }

    /// <summary>Arithmetic ceiling under sustained load: 10^12 operations per second.</summary>
    [Name("sustained_best_tflops"), Format("0.####")]
    public double? SustainedBestTflops { get; init; }

    /// <summary>The bound by the ceilings under sustained load, as a share of the time under sustained load, percent.</summary>
    [Name("sustained_bound_percent"), Format("0.#")]
    public double? SustainedBoundPercent { get; init; }

    /// <summary>Why the card lowered its clock under sustained load; empty if it did not.</summary>
    [Name("sustained_throttled")]
    public string SustainedThrottled { get; init; } = "";

    /// <summary>The peer's time of a run under sustained load, microseconds.</summary>
    [Name("peer_sustained_us"), Format("0.##")]
    public double? PeerSustainedMicroseconds { get; init; }

    /// <summary>The peer's time divided by ours, both under sustained load.</summary>
    [Name("sustained_ratio"), Format("0.###")]
    public double? SustainedRatio { get; init; }

    /// <summary>The peer's energy for an image, J.</summary>
    [Name("peer_joules_per_image"), Format("0.####")]
    public double? PeerJoulesPerImage { get; init; }

    /// <summary>Whether the row is one of this project's, not a peer's.</summary>
    [Ignore]
    public bool IsOurs => OwnPaths.Contains(Path);

    /// <summary>op/direction/shape.</summary>
    [Ignore]
    public string Name => $"{Op}/{Direction}/{Shape}";
}

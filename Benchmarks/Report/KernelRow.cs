using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Timing;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>One line of kernels.csv. Empty fields are unknown. RESULTS.md says what the columns mean.</summary>
internal sealed record KernelRow
{
    public const string Right = "ok", Wrong = "WRONG", Failed = "FAILED";

    [Name("op")]
    public string Op { get; init; } = "";

    [Name("direction")]
    public string Direction { get; init; } = "";

    [Name("shape")]
    public string Shape { get; init; } = "";

    [Name("dtype")]
    public string Type { get; init; } = "";

    [Name("path")]
    public string Path { get; init; } = "";

    [Name("us"), Format("0.##")]
    public double? Microseconds { get; init; }

    [Name("us_p5"), Format("0.##")]
    public double? Low { get; init; }

    [Name("us_p95"), Format("0.##")]
    public double? High { get; init; }

    [Name("repetitions")]
    public int? Repetitions { get; init; }

    [Name("tflops"), Format("0.####")]
    public double? Tflops { get; init; }

    [Name("tbps"), Format("0.####")]
    public double? Tbps { get; init; }

    [Name("bound_us"), Format("0.##")]
    public double? BoundMicroseconds { get; init; }

    [Name("bound_percent"), Format("0.#")]
    public double? BoundPercent { get; init; }

    [Name("error"), Format("0.00e+0")]
    public double? Error { get; init; }

    [Name("verdict")]
    public string Verdict { get; init; } = "";

    [Name("peer_us"), Format("0.##")]
    public double? PeerMicroseconds { get; init; }

    [Name("ratio"), Format("0.###")]
    public double? Ratio { get; init; }

    [Name("device")]
    public string Device { get; init; } = "";

    [Name("note")]
    public string Note { get; init; } = "";

    /// <summary>The row with its time and what follows from it.</summary>
    public KernelRow WithTimes(KernelCase each, Duration time, Ceilings ceilings)
    {
        double bound = ceilings.Bound(each.Flops, each.Bytes);
        return this with
        {
            Microseconds = 1e6 * time.Median,
            Low = 1e6 * time.Low,
            High = 1e6 * time.High,
            Repetitions = time.Repetitions,
            Tflops = each.Flops > 0 ? each.Flops / time.Median / 1e12 : null,
            Tbps = each.Bytes / time.Median / 1e12,
            BoundMicroseconds = double.IsNaN(bound) ? null : 1e6 * bound,
            BoundPercent = double.IsNaN(bound) ? null : 100 * bound / time.Median,
        };
    }

    /// <summary>The row beside a peer's time for the same work; a ratio above 1 means that ours is the faster.</summary>
    public KernelRow WithPeer(double? microseconds) => this with { PeerMicroseconds = microseconds, Ratio = microseconds / Microseconds };
}

using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>How a row is filled in: by a case, its times, and a peer.</summary>
public sealed partial record BenchmarkRow
{
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

    /// <summary>Returns the row with its time under sustained load, the energy of an image, and the bound in that state.</summary>
    /// <param name="time">The time; null leaves the row as it is.</param>
    /// <param name="images">Images of a run; 0 for none.</param>
    /// <param name="ceilings">The ceilings under sustained load; unknown ones give no bound.</param>
    internal BenchmarkRow WithSustained(SustainedTime? time, int images, Ceilings ceilings)
    {
        if (time is null)
            return this;
        double bound = ceilings.Bound(Flops ?? 0, Bytes ?? 0);
        return this with
        {
            SustainedMicroseconds = 1e6 * time.Seconds,
            SustainedImagesPerSecond = images > 0 ? images / time.Seconds : null,
            SustainedTflops = Flops / time.Seconds / 1e12,
            SustainedMegahertz = time.Load.Megahertz,
            SustainedWatts = time.Load.Watts,
            JoulesPerImage = images > 0 ? time.Joules / images : null,
            SustainedCopyTbps = Known(ceilings.BytesPerSecond / 1e12),
            SustainedBestTflops = Known(ceilings.FlopsPerSecond / 1e12),
            SustainedBoundPercent = bound > 0 ? 100 * bound / time.Seconds : null,
            SustainedThrottled = time.Load.Throttled,
        };
    }

    /// <summary>Returns the row with the times and the energy of a peer's row for the same case.</summary>
    internal BenchmarkRow WithPeer(BenchmarkRow peer) => WithPeer(peer.Path, peer.Microseconds) with
    {
        PeerSustainedMicroseconds = peer.SustainedMicroseconds,
        SustainedRatio = peer.SustainedMicroseconds / SustainedMicroseconds,
        PeerJoulesPerImage = peer.JoulesPerImage,
    };

    /// <summary>Returns the row with the time of a peer for the same case, of which no more is known.</summary>
    internal BenchmarkRow WithPeer(string peer, double? microseconds) =>
        this with { Peer = peer, PeerMicroseconds = microseconds, Ratio = microseconds / Microseconds, PeerSustainedMicroseconds = null, SustainedRatio = null, PeerJoulesPerImage = null };

    private static double? Known(double value) => double.IsNaN(value) ? null : value;
}

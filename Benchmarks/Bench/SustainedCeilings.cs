using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>The best rates that a device keeps up under sustained load, at the clock that its power cap leaves.</summary>
internal static class SustainedCeilings
{
    private const int CopyElements = 1 << 26, HostCopyElements = 1 << 24; // 256 and 64 MiB, more than caches hold
    private const double HostFlops = 2e8, WarmAlready = 2;
    private static readonly int[] Squares = [8192, 4096]; // the larger first: it heats the card more

    /// <summary>Measures both rates, each after some seconds of the same load; the simulator has none, since its times mean nothing.</summary>
    /// <param name="device">The device.</param>
    /// <param name="type">Storage type of the products.</param>
    /// <param name="options">Durations; a second product needs no more than two seconds of load, since the first has warmed the card.</param>
    /// <returns>The ceilings; NaN for one whose kernel fails or is wrong.</returns>
    public static Ceilings Measure(ComputeDevice device, DType type, SustainOptions options) => device switch
    {
        GpuDevice { IsCuda: true } => new Ceilings(
            Rate(device, new CopyCase(CopyElements), options, each => each.Bytes),
            Squares.Select((n, i) => Rate(
                device, ProductCase.Gemm(n, n, n, type, Direction.Forward), i == 0 ? options : options with { WarmSeconds = Math.Min(WarmAlready, options.WarmSeconds) },
                each => each.Flops)).Max()),
        CpuDevice cpu => new Ceilings(
            Rate(cpu, new CopyCase(HostCopyElements), options, each => each.Bytes),
            HostFlops / new SustainedClock(cpu, options).Measure(_ => FmaPeak.Measure(cpu, HostFlops)).Seconds),
        _ => Ceilings.Unknown,
    };

    /// <summary>Repeats the launches of a case; returns what it counts a second.</summary>
    private static double Rate(ComputeDevice device, KernelCase each, SustainOptions options, Func<KernelCase, double> count)
    {
        try
        {
            using RecordedKernel recorded = each.Record(device);
            return recorded.Check() <= each.Tolerance ? count(each) / new SustainedClock(device, options).Measure(_ => recorded.Launch()).Seconds : double.NaN;
        }
        catch (MemoryLimitException)
        {
            return double.NaN;
        }
    }
}

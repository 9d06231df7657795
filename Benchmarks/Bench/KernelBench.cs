using System.Diagnostics.CodeAnalysis;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>Checks a kernel's case on a device, then times it. A wrong result is not timed.</summary>
/// <remarks>Programs that use this library can time kernels of their own with it: <c>using var bench = KernelBench.On(device); bench.Run(new MyCase())</c>.</remarks>
public sealed class KernelBench : IDisposable
{
    private readonly ComputeDevice device;
    private readonly DeviceClock clock;

    internal KernelBench(ComputeDevice device, DeviceClock clock, Ceilings ceilings) => (this.device, this.clock, Ceilings) = (device, clock, ceilings);

    /// <summary>What the device reached at most, the yardstick of the rows.</summary>
    public Ceilings Ceilings { get; }

    /// <summary>A bench on a device, whose ceilings are measured now.</summary>
    /// <param name="device">Stays open as long as the bench.</param>
    /// <param name="type">Storage of the products that give the ceiling.</param>
    public static KernelBench On(ComputeDevice device, DType type = DType.BFloat16)
    {
        ArgumentNullException.ThrowIfNull(device);
        DeviceClock clock = DeviceClock.Of(device);
        return new KernelBench(device, clock, Ceilings.Measure(device, clock, type));
    }

    /// <summary>The finished row of a case; one that is wrong or cannot run says so.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "One kernel that cannot run is a row that says so; the others go on.")]
    public BenchmarkRow Run(KernelCase each)
    {
        ArgumentNullException.ThrowIfNull(each);
        var row = BenchmarkRow.Of(each, device, Path(each));
        try
        {
            using RecordedKernel recorded = each.Record(device);
            double error = recorded.Check();
            row = row with { Error = error, Verdict = error <= each.Tolerance ? BenchmarkRow.Right : BenchmarkRow.Wrong };
            return row.Verdict == BenchmarkRow.Right ? row.WithUse(KernelUse.Of(device, recorded.Launch)).WithTimes(clock.Measure(recorded.Launch), Ceilings) : row;
        }
        catch (Exception e)
        {
            return row with { Verdict = BenchmarkRow.Failed, Note = e.Message.ReplaceLineEndings(" ") };
        }
    }

    /// <summary>A right row with the time of what an action launches.</summary>
    internal BenchmarkRow Time(BenchmarkRow row, Action launch) => row.WithTimes(clock.Measure(launch), Ceilings);

    /// <summary>Releases the clock.</summary>
    public void Dispose() => clock.Dispose();

    private string Path(KernelCase each) => device switch
    {
        GpuDevice gpu when each.UsesTensorCores && each.Type == DType.BFloat16 => gpu.TensorCores.ToString().ToLowerInvariant(),
        GpuDevice => "portable",
        _ => device.Name,
    };
}

using System.Diagnostics.CodeAnalysis;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>Checks the result of a kernel's case on a device and, if it is correct, times the kernel.</summary>
/// <remarks>A program that references this project can time kernels of its own: <c>using var bench = KernelBench.On(device); bench.Run(new MyCase())</c>.</remarks>
public sealed class KernelBench : IDisposable
{
    private readonly ComputeDevice device;
    private readonly DeviceClock clock;

    internal KernelBench(ComputeDevice device, DeviceClock clock, Ceilings ceilings) => (this.device, this.clock, Ceilings) = (device, clock, ceilings);

    /// <summary>The device's ceilings, from which the bounds of rows follow.</summary>
    public Ceilings Ceilings { get; }

    /// <summary>Opens a bench on a device and measures the device's ceilings.</summary>
    /// <param name="device">The device, which must stay open as long as the bench.</param>
    /// <param name="type">Storage type of the products that give the arithmetic ceiling.</param>
    public static KernelBench On(ComputeDevice device, DType type = DType.BFloat16)
    {
        ArgumentNullException.ThrowIfNull(device);
        DeviceClock clock = DeviceClock.Of(device);
        return new KernelBench(device, clock, Ceilings.Measure(device, clock, type));
    }

    /// <summary>Runs a case and returns its row. If the result is wrong or the case throws, the row's verdict says so.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "A kernel that fails becomes a row that says so, and the others go on.")]
    public BenchmarkRow Run(KernelCase each)
    {
        ArgumentNullException.ThrowIfNull(each);
        var row = BenchmarkRow.Of(each, device, PathOf(each));
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

    /// <summary>Adds the time of an action's launches to a row.</summary>
    internal BenchmarkRow Time(BenchmarkRow row, Action launch) => row.WithTimes(clock.Measure(launch), Ceilings);

    /// <summary>Releases the clock.</summary>
    public void Dispose() => clock.Dispose();

    private string PathOf(KernelCase each) => device switch
    {
        GpuDevice gpu when each.UsesTensorCores && each.Type == DType.BFloat16 => gpu.TensorCores.ToString().ToLowerInvariant(),
        GpuDevice => "portable",
        _ => device.Name,
    };
}

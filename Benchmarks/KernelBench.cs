using System.Diagnostics.CodeAnalysis;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>Checks a case, then times it. A wrong result is not timed.</summary>
internal sealed class KernelBench(ComputeDevice device, DeviceClock clock, Ceilings ceilings)
{
    /// <summary>The finished row of a case.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "One kernel that cannot run is a row that says so; the others go on.")]
    public KernelRow Run(KernelCase each)
    {
        KernelRow row = new()
        {
            Op = each.Family,
            Direction = each.Direction,
            Shape = each.Shape,
            Type = each.Type == DType.BFloat16 ? "bf16" : "fp32",
            Path = Path(each),
            Device = device.Description,
        };
        try
        {
            using RecordedKernel recorded = each.Record(device);
            double error = recorded.Check();
            row = row with { Error = error, Verdict = error <= each.Tolerance ? KernelRow.Right : KernelRow.Wrong };
            return row.Verdict == KernelRow.Right ? row.WithTimes(each, clock.Measure(recorded.Launch), ceilings) : row;
        }
        catch (Exception e)
        {
            return row with { Verdict = KernelRow.Failed, Note = e.Message.ReplaceLineEndings(" ") };
        }
    }

    private string Path(KernelCase each) => device switch
    {
        GpuDevice gpu when each.UsesTensorCores && each.Type == DType.BFloat16 => gpu.TensorCores.ToString().ToLowerInvariant(),
        GpuDevice => "portable",
        _ => device.Name,
    };
}

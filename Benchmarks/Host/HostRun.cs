using System.Diagnostics.CodeAnalysis;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Host;

/// <summary>A case while BenchmarkDotNet runs it, and its row without times.</summary>
/// <remarks>
/// No exception leaves this class, because BenchmarkDotNet 0.15.8 itself fails on one when it runs in-process. After a wrong result or an exception
/// the case does nothing more, and its times are ignored.
/// </remarks>
/// <param name="each">The case.</param>
/// <param name="device">The device on which it runs.</param>
/// <param name="sustain">How long a piece of work on images is repeated after the harness has timed it; null for not at all.</param>
internal sealed class HostRun(SuiteCase each, ComputeDevice device, SustainOptions? sustain = null)
{
    private RecordedKernel? kernel;
    private PreparedWork? work;
    private int run;
    private long heldBefore;

    /// <summary>The case.</summary>
    public SuiteCase Case => each;

    /// <summary>Whether the case is also timed under sustained load.</summary>
    public bool IsSustained => sustain is not null && each is WorkCase { IsSustained: true };

    /// <summary>The time under sustained load; null if it was not measured.</summary>
    public SustainedTime? Sustained { get; private set; }

    /// <summary>The row without times.</summary>
    public BenchmarkRow Row { get; private set; } = BenchmarkRow.Of(each, device, device.Name);

    /// <summary>Prepares the case and checks its result.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "A case that fails becomes a row that says so, and the others go on.")]
    public void Prepare()
    {
        try
        {
            (device as GpuDevice)?.Bind(); // this is a thread of BenchmarkDotNet
            run = 0;
            heldBefore = device.AllocatedBytes;
            if (each is KernelCase op)
            {
                kernel = op.Record(device);
                double error = kernel.Check();
                Row = Row with { Error = error, Verdict = error <= op.Tolerance ? BenchmarkRow.Right : BenchmarkRow.Wrong };
            }
            else
            {
                work = ((WorkCase)each).Prepare(device);
                if (((WorkCase)each).Pace != WorkPace.Rare)
                    work.Run(run++);
                device.Synchronize();
                Row = Judged(Row with { Flops = work.Flops > 0 ? work.Flops : Row.Flops });
            }
        }
        catch (Exception e)
        {
            Row = Failed(e);
        }
    }

    /// <summary>Runs the case once, unless it has failed or its result was wrong; does not wait for the device.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "As above.")]
    public void Run()
    {
        if (Row.Verdict != BenchmarkRow.Right)
            return;
        try
        {
            if (kernel is not null)
                kernel.Launch();
            else
                work!.Run(run++);
        }
        catch (Exception e)
        {
            Row = Failed(e);
        }
    }

    /// <summary>Repeats the work under load if that is asked for, checks the results of all runs and releases the case.</summary>
    public void Release()
    {
        Sustain();
        device.Synchronize();
        if (work is not null && Row.Verdict == BenchmarkRow.Right)
            Row = Judged(Row) with { PeakGib = (device.AllocatedBytes - heldBefore) / (double)(1L << 30) };
        kernel?.Dispose();
        work?.Dispose();
        (kernel, work) = (null, null);
    }

    public override string ToString() => each.Name;

    [SuppressMessage("Design", "CA1031", Justification = "As above.")]
    private void Sustain()
    {
        if (!IsSustained || Row.Verdict != BenchmarkRow.Right)
            return;
        try
        {
            (device as GpuDevice)?.Bind();
            Sustained = new SustainedClock(device, sustain!).Measure(work!.Run, run);
        }
        catch (Exception e)
        {
            Row = Failed(e);
        }
    }

    private BenchmarkRow Judged(BenchmarkRow row) =>
        work!.Fault() is { } fault ? row with { Verdict = BenchmarkRow.Wrong, Note = fault } : row with { Verdict = BenchmarkRow.Right };

    private BenchmarkRow Failed(Exception e) =>
        Row with { Verdict = e is MemoryLimitException ? BenchmarkRow.OutOfMemory : BenchmarkRow.Failed, Note = e.Message.ReplaceLineEndings(" ") };
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>A piece of work for which a user waits: a training step, sampling, the transfer of a batch. It is timed by the host's clock, which waits for the device.</summary>
/// <inheritdoc/>
public abstract class WorkCase(string family, string direction, string shape, DType type) : SuiteCase(family, direction, shape, type)
{
    /// <summary>Images that a run processes; 0 for work without images.</summary>
    public virtual int Images => 0;

    /// <summary>0 unless a case counts them.</summary>
    public override double Flops => 0;

    /// <summary>0 unless a case counts them.</summary>
    public override double Bytes => 0;

    /// <summary>Whether the device's arithmetic or memory bounds the time, not a bus, the host or a driver.</summary>
    internal virtual bool IsBoundByDevice => Flops > 0;

    /// <summary>Whether the work is also timed under sustained load, as it is done for hours: work on images, in this process.</summary>
    internal virtual bool IsSustained => Images > 0 && Pace != WorkPace.Rare;

    /// <summary>Length of a run, on which the number of repetitions depends.</summary>
    internal virtual WorkPace Pace => WorkPace.Long;

    /// <summary>Allocates what the runs need on a device.</summary>
    public abstract PreparedWork Prepare(ComputeDevice device);
}

/// <summary>Work that is ready to be run repeatedly.</summary>
public abstract class PreparedWork : IDisposable
{
    /// <summary>Floating-point operations of a run, if they can only be counted after preparation; otherwise 0.</summary>
    public virtual double Flops => 0;

    /// <summary>Does the work once; need not wait for the device.</summary>
    /// <param name="run">Number of the run, from 0.</param>
    public abstract void Run(int run);

    /// <summary>Describes the fault in the results of the runs so far in a few words; null if there is none.</summary>
    public virtual string? Fault() => null;

    /// <summary>Releases what was allocated.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what was allocated.</summary>
    /// <param name="disposing">Whether managed resources are released too.</param>
    protected abstract void Dispose(bool disposing);
}

/// <summary>Length of a run of a piece of work.</summary>
internal enum WorkPace
{
    /// <summary>Less than about a millisecond: many runs are timed together.</summary>
    Short,

    /// <summary>Longer: each run is timed.</summary>
    Long,

    /// <summary>Seconds: three runs are timed after the first.</summary>
    Slow,

    /// <summary>Seconds: two runs are timed, without a warm-up.</summary>
    Rare,
}

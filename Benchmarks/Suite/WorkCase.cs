using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>Something whole that a user waits for: a training step, a sample, a batch on its way. Timed by the host's clock, the device's work included.</summary>
/// <inheritdoc/>
public abstract class WorkCase(string family, string direction, string shape, DType type) : SuiteCase(family, direction, shape, type)
{
    /// <summary>Images that a run does; 0 where there are none.</summary>
    public virtual int Images => 0;

    /// <summary>None is counted unless a case does.</summary>
    public override double Flops => 0;

    /// <summary>None is counted unless a case does.</summary>
    public override double Bytes => 0;

    /// <summary>Whether the device's arithmetic and memory bound the time, and not a bus, the host or a driver.</summary>
    internal virtual bool IsBoundByDevice => Flops > 0;

    /// <summary>How often it is run.</summary>
    internal virtual WorkPace Pace => WorkPace.Long;

    /// <summary>Takes what the runs need.</summary>
    public abstract PreparedWork Prepare(ComputeDevice device);
}

/// <summary>Work that can be run again and again.</summary>
public abstract class PreparedWork : IDisposable
{
    /// <summary>Floating-point operations of a run, where that is known only now; else 0.</summary>
    public virtual double Flops => 0;

    /// <summary>Does the work; need not wait for the device.</summary>
    /// <param name="run">The number of the run, from 0.</param>
    public abstract void Run(int run);

    /// <summary>What is wrong with what the runs so far have left; null if nothing is.</summary>
    public virtual string? Fault() => null;

    /// <summary>Releases what was taken.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what was taken.</summary>
    /// <param name="disposing">Whether managed resources are released too.</param>
    protected abstract void Dispose(bool disposing);
}

/// <summary>How often a piece of work is run to be timed.</summary>
internal enum WorkPace
{
    /// <summary>Below a millisecond or so: many runs between two looks at the clock.</summary>
    Short,

    /// <summary>A look at the clock for each run.</summary>
    Long,

    /// <summary>Seconds: once or twice, without a warm-up.</summary>
    Rare,
}

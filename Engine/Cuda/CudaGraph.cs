namespace TrigFlowNative.Engine.Cuda;

/// <summary>A sequence of launches, captured from a device's stream and replayed as one: a node costs a fraction of a launch.</summary>
/// <remarks>
/// The graph holds addresses and kernels, not the objects behind them: its owner keeps memory and kernels alive.
/// </remarks>
public sealed unsafe class CudaGraph : IDisposable
{
    private const int Relaxed = 2; // finalizers may free memory during a capture, which stricter modes report as an error
    private const int Active = 1;
    private readonly CudaStreamHandle stream;
    private nint executable;

    /// <summary>Captures the launches of an action without running them. The action must not allocate, copy from pageable memory or wait.</summary>
    /// <exception cref="CudaDriverException">The action calls something that cannot be captured, or the driver cannot make the graph.</exception>
    public CudaGraph(CudaStreamHandle stream, Action launches)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(launches);
        this.stream = stream;
        nint graph = Capture(stream, launches);
        try
        {
            nuint nodes = 0;
            CudaDriver.Check(CudaDriver.GraphGetNodes(graph, null, ref nodes), "cuGraphGetNodes");
            NodeCount = (int)nodes;
            CudaDriver.Check(CudaDriver.GraphInstantiate(out executable, graph, 0), "cuGraphInstantiate");
        }
        finally
        {
            CudaDriver.Check(CudaDriver.GraphDestroy(graph), "cuGraphDestroy");
        }
    }

    /// <summary>Number of kernels, copies and fills in the graph.</summary>
    public int NodeCount { get; }

    /// <summary>Replays all launches on the device's stream, without waiting.</summary>
    /// <exception cref="ObjectDisposedException">The graph has been released.</exception>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Launch()
    {
        ObjectDisposedException.ThrowIf(executable == 0, this);
        stream.Bind();
        CudaDriver.Check(CudaDriver.GraphLaunch(executable, stream.Handle), "cuGraphLaunch");
    }

    /// <summary>Releases the graph; a replay under way runs to its end.</summary>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Dispose()
    {
        if (executable == 0)
            return;
        stream.Bind();
        CudaDriver.Check(CudaDriver.GraphExecDestroy(executable), "cuGraphExecDestroy");
        executable = 0;
    }

    /// <summary>Captures the launches of an action as a graph, which the caller destroys.</summary>
    internal static nint Capture(CudaStreamHandle stream, Action launches)
    {
        stream.Bind();
        CudaDriver.Check(CudaDriver.StreamBeginCapture(stream.Handle, Relaxed), "cuStreamBeginCapture");
        nint graph;
        try
        {
            launches();
        }
        catch
        {
            // End the capture so that the stream works again; the exception in flight matters more than the driver's answer.
            if (CudaDriver.StreamEndCapture(stream.Handle, out graph) == 0 && graph != 0)
                _ = CudaDriver.GraphDestroy(graph);
            throw;
        }

        CudaDriver.Check(CudaDriver.StreamEndCapture(stream.Handle, out graph), "cuStreamEndCapture");
        return graph;
    }

    /// <summary>Throws if a call that cannot be captured has invalidated the capture on the device's stream.</summary>
    internal static void RequireSound(CudaStreamHandle stream)
    {
        CudaDriver.Check(CudaDriver.StreamIsCapturing(stream.Handle, out int status), "cuStreamIsCapturing");
        if (status != Active)
            throw new CudaDriverException("it waits, allocates or copies from pageable memory");
    }
}

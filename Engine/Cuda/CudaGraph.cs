namespace TrigFlowNative.Engine.Cuda;

/// <summary>A sequence of launches captured from a device's stream and replayed as one: a node costs a fraction of a launch.</summary>
/// <remarks>
/// The graph holds addresses and kernels, not the objects behind them: whoever owns it keeps memory and kernels alive.
/// </remarks>
public sealed unsafe class CudaGraph : IDisposable
{
    private const int Relaxed = 2; // finalizers may free memory meanwhile, which stricter captures take for an error
    private const int Active = 1;
    private readonly CudaStreamHandle stream;
    private nint executable;

    /// <summary>Captures what an action launches; nothing runs. The action must not allocate, copy from pageable memory or wait.</summary>
    /// <exception cref="CudaDriverException">Something that cannot be captured was called.</exception>
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

    /// <summary>Kernels, copies and fills in the graph.</summary>
    public int NodeCount { get; }

    /// <summary>Replays all launches on the device's stream; does not wait.</summary>
    /// <exception cref="ObjectDisposedException">The graph has been released.</exception>
    public void Launch()
    {
        ObjectDisposedException.ThrowIf(executable == 0, this);
        stream.Bind();
        CudaDriver.Check(CudaDriver.GraphLaunch(executable, stream.Handle), "cuGraphLaunch");
    }

    /// <summary>Releases the graph; one at work goes on to its end.</summary>
    public void Dispose()
    {
        if (executable == 0)
            return;
        stream.Bind();
        CudaDriver.Check(CudaDriver.GraphExecDestroy(executable), "cuGraphExecDestroy");
        executable = 0;
    }

    /// <summary>Captures what an action launches, as a graph that the caller destroys.</summary>
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
            // Ends the capture so that the stream works again; what the driver says of it matters less than what was thrown.
            if (CudaDriver.StreamEndCapture(stream.Handle, out graph) == 0 && graph != 0)
                _ = CudaDriver.GraphDestroy(graph);
            throw;
        }

        CudaDriver.Check(CudaDriver.StreamEndCapture(stream.Handle, out graph), "cuStreamEndCapture");
        return graph;
    }

    /// <summary>Throws if a capture on the device's stream has been spoilt by a call that cannot be captured.</summary>
    internal static void RequireSound(CudaStreamHandle stream)
    {
        CudaDriver.Check(CudaDriver.StreamIsCapturing(stream.Handle, out int status), "cuStreamIsCapturing");
        if (status != Active)
            throw new CudaDriverException("it waits, allocates or copies from pageable memory");
    }
}

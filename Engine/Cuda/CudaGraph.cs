namespace TrigFlowNative.Engine.Cuda;

/// <summary>A sequence of launches captured from a device's stream and replayed as one: a node costs a fraction of a launch.</summary>
public sealed class CudaGraph : IDisposable
{
    private const int Relaxed = 2; // finalizers may free memory meanwhile, which stricter captures take for an error
    private readonly nint stream;
    private nint executable;

    /// <summary>Captures what an action launches; nothing runs. The action must not allocate, copy from pageable memory or wait.</summary>
    /// <exception cref="CudaDriverException">Something that cannot be captured was called.</exception>
    public CudaGraph(GpuDevice gpu, Action launches)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        ArgumentNullException.ThrowIfNull(launches);
        stream = gpu.StreamHandle;
        gpu.Bind();
        CudaDriver.Check(CudaDriver.StreamBeginCapture(stream, Relaxed), "cuStreamBeginCapture");
        nint graph;
        try
        {
            launches();
        }
        finally
        {
            CudaDriver.Check(CudaDriver.StreamEndCapture(stream, out graph), "cuStreamEndCapture");
        }

        CudaDriver.Check(CudaDriver.GraphInstantiate(out executable, graph, 0), "cuGraphInstantiate");
        CudaDriver.Check(CudaDriver.GraphDestroy(graph), "cuGraphDestroy");
    }

    /// <summary>Replays all launches on the device's stream; does not wait.</summary>
    public void Launch() => CudaDriver.Check(CudaDriver.GraphLaunch(executable, stream), "cuGraphLaunch");

    /// <summary>Releases the graph.</summary>
    public void Dispose()
    {
        if (executable != 0)
            CudaDriver.Check(CudaDriver.GraphExecDestroy(executable), "cuGraphExecDestroy");
        executable = 0;
    }
}

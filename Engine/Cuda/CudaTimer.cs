namespace TrigFlowNative.Engine.Cuda;

/// <summary>Two events on a device's stream: the device's own clock around what is launched between them.</summary>
public sealed class CudaTimer : IDisposable
{
    private readonly nint stream, start, end;

    /// <summary>Creates the events.</summary>
    public CudaTimer(GpuDevice gpu)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        gpu.Bind();
        stream = gpu.StreamHandle;
        CudaDriver.Check(CudaDriver.EventCreate(out start, 0), "cuEventCreate");
        CudaDriver.Check(CudaDriver.EventCreate(out end, 0), "cuEventCreate");
    }

    /// <summary>Marks the start.</summary>
    public void Start() => CudaDriver.Check(CudaDriver.EventRecord(start, stream), "cuEventRecord");

    /// <summary>Marks the end.</summary>
    public void Stop() => CudaDriver.Check(CudaDriver.EventRecord(end, stream), "cuEventRecord");

    /// <summary>Waits for the end; seconds between the marks.</summary>
    public double Seconds()
    {
        CudaDriver.Check(CudaDriver.EventSynchronize(end), "cuEventSynchronize");
        CudaDriver.Check(CudaDriver.EventElapsedTime(out float milliseconds, start, end), "cuEventElapsedTime");
        return milliseconds * 1e-3;
    }

    /// <summary>Releases the events.</summary>
    public void Dispose()
    {
        CudaDriver.Check(CudaDriver.EventDestroy(start), "cuEventDestroy");
        CudaDriver.Check(CudaDriver.EventDestroy(end), "cuEventDestroy");
    }
}

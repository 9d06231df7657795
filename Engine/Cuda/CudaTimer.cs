namespace TrigFlowNative.Engine.Cuda;

/// <summary>Two events on a device's stream: the device's own clock around what is launched between them.</summary>
public sealed class CudaTimer : IDisposable
{
    private readonly CudaMarks marks;

    /// <summary>Creates the events.</summary>
    public CudaTimer(CudaStreamHandle stream) => marks = new CudaMarks(stream, 2);

    /// <summary>Marks the start.</summary>
    public void Start() => marks.Record(0);

    /// <summary>Marks the end.</summary>
    public void Stop() => marks.Record(1);

    /// <summary>Waits for the end; seconds between the marks.</summary>
    public double Seconds() => marks.Seconds(0, 1);

    /// <summary>Releases the events.</summary>
    public void Dispose() => marks.Dispose();
}

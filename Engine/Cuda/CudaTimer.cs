namespace TrigFlowNative.Engine.Cuda;

/// <summary>Measures launches by the device's own clock, with two events on its stream.</summary>
public sealed class CudaTimer : IDisposable
{
    private readonly CudaMarks marks;

    /// <summary>Creates the events.</summary>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public CudaTimer(CudaStreamHandle stream) => marks = new CudaMarks(stream, 2);

    /// <summary>Records the start.</summary>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Start() => marks.Record(0);

    /// <summary>Records the end.</summary>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Stop() => marks.Record(1);

    /// <summary>Waits for the end and returns the seconds from the start to it.</summary>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch, or start or end was not recorded.</exception>
    public double Seconds() => marks.Seconds(0, 1);

    /// <summary>Releases the events.</summary>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Dispose() => marks.Dispose();
}

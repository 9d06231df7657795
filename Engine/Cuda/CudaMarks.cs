namespace TrigFlowNative.Engine.Cuda;

/// <summary>Events on a device's stream, timed by the device's own clock; they can be captured between the launches of a graph.</summary>
internal sealed class CudaMarks : IDisposable
{
    private const uint External = 1; // the event is read outside of the graph that records it
    private readonly CudaStreamHandle stream;
    private readonly nint[] events;

    /// <summary>Creates the events.</summary>
    public CudaMarks(CudaStreamHandle stream, int count)
    {
        ArgumentNullException.ThrowIfNull(stream);
        this.stream = stream;
        stream.Bind();
        events = new nint[count];
        for (int i = 0; i < count; i++)
            CudaDriver.Check(CudaDriver.EventCreate(out events[i], 0), "cuEventCreate");
    }

    /// <summary>Marks the moment at which all earlier launches are done.</summary>
    public void Record(int mark) => CudaDriver.Check(CudaDriver.EventRecord(events[mark], stream.Handle), "cuEventRecord");

    /// <summary>Does the same as <see cref="Record"/> during the capture of a graph: every replay sets the mark anew.</summary>
    public void Capture(int mark) =>
        CudaDriver.Check(CudaDriver.EventRecordWithFlags(events[mark], stream.Handle, External), "cuEventRecordWithFlags");

    /// <summary>Waits until a mark is reached; a mark that was never recorded counts as reached.</summary>
    public void Wait(int mark) => CudaDriver.Check(CudaDriver.EventSynchronize(events[mark]), "cuEventSynchronize");

    /// <summary>Waits for the second mark and returns the seconds from the first to it.</summary>
    public double Seconds(int from, int to)
    {
        Wait(to);
        CudaDriver.Check(CudaDriver.EventElapsedTime(out float milliseconds, events[from], events[to]), "cuEventElapsedTime");
        return milliseconds * 1e-3;
    }

    /// <summary>Releases the events.</summary>
    public void Dispose()
    {
        stream.Bind();
        foreach (nint each in events)
            CudaDriver.Check(CudaDriver.EventDestroy(each), "cuEventDestroy");
    }
}

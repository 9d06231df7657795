using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>
/// Measures by events inside a captured graph, so that no time of the host is in it. Before each repetition a buffer larger than any L2 cache is
/// overwritten, so that operands are read from memory.
/// </summary>
internal sealed class CudaClock : DeviceClock
{
    private const int FlushBytes = 256 << 20; // an H200's L2 cache has 50 MB; PyTorch's do_bench clears as much
    private const int MaxRepetitions = 200, BatchSize = 10;
    private readonly GpuDevice gpu;
    private readonly GpuMonitor? monitor;
    private readonly Tensor flushed;
    private readonly CudaMarks marks;

    public CudaClock(GpuDevice gpu)
    {
        this.gpu = gpu;
        monitor = GpuMonitor.Of(gpu);
        flushed = gpu.CreateTensor(new Shape(FlushBytes / sizeof(float)));
        marks = new CudaMarks(gpu.DriverStream, 2 * BatchSize);
    }

    public override Duration Measure(Action work)
    {
        gpu.Bind();
        work(); // kernels are loaded and descriptors made now: a capture must do neither
        gpu.Synchronize();
        using var graph = new CudaGraph(gpu.DriverStream, () =>
        {
            for (int i = 0; i < BatchSize; i++)
            {
                Flush();
                marks.Capture(2 * i);
                work();
                marks.Capture(2 * i + 1);
            }
        });
        double estimate = Replay(graph, out _).Min();
        int wanted = Math.Clamp((int)(EnoughSeconds / Math.Max(estimate, 1e-6)), MinRepetitions, MaxRepetitions);
        var seconds = new List<double>();
        GpuState? state = null;
        while (seconds.Count < wanted)
        {
            seconds.AddRange(Replay(graph, out GpuState? now));
            state = Worse(state, now);
        }

        return Duration.Of(seconds) with { Clock = "graph", State = state };
    }

    /// <summary>Replaces the contents of the L2 cache; does not wait.</summary>
    private void Flush() =>
        CudaDriver.Check(CudaDriver.Fill32((nint)flushed.Address, 0, (nuint)flushed.Count, gpu.StreamHandle), "cuMemsetD32Async");

    public override void Dispose()
    {
        flushed.Dispose();
        marks.Dispose();
    }

    /// <summary>Runs a batch of repetitions and samples the card's state while they run; returns the seconds of each.</summary>
    private double[] Replay(CudaGraph graph, out GpuState? state)
    {
        graph.Launch();
        state = monitor?.Sample();
        gpu.Synchronize();
        return [.. Enumerable.Range(0, BatchSize).Select(i => marks.Seconds(2 * i, 2 * i + 1))];
    }

    /// <summary>The state with the lower clock: a row counts as throttled if one batch of it was.</summary>
    private static GpuState? Worse(GpuState? first, GpuState? second) =>
        first is null || (second is not null && second.SmMegahertz < first.SmMegahertz) ? second : first;
}

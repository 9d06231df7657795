using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>
/// Events inside of a captured graph: the host has no part in the time. Before each repetition a buffer larger than any L2 cache is
/// overwritten, so that operands come from memory.
/// </summary>
internal sealed class CudaClock : DeviceClock
{
    private const int FlushBytes = 256 << 20; // an H200's L2 has 50 MB; PyTorch's do_bench clears as much
    private const int MostRepetitions = 200, Batch = 10;
    private readonly GpuDevice gpu;
    private readonly GpuMonitor? monitor;
    private readonly Tensor flushed;
    private readonly CudaMarks marks;

    public CudaClock(GpuDevice gpu)
    {
        this.gpu = gpu;
        monitor = GpuMonitor.Of(gpu);
        flushed = gpu.CreateTensor(new Shape(FlushBytes / sizeof(float)));
        marks = new CudaMarks(gpu.DriverStream, 2 * Batch);
    }

    public override Duration Measure(Action work)
    {
        gpu.Bind();
        work(); // loads kernels and makes descriptors, which a capture must not
        gpu.Synchronize();
        using var graph = new CudaGraph(gpu.DriverStream, () =>
        {
            for (int i = 0; i < Batch; i++)
            {
                Flush();
                marks.Capture(2 * i);
                work();
                marks.Capture(2 * i + 1);
            }
        });
        double estimate = Replay(graph, out _).Min();
        int wanted = Math.Clamp((int)(EnoughSeconds / Math.Max(estimate, 1e-6)), FewestRepetitions, MostRepetitions);
        var seconds = new List<double>();
        GpuState? state = null;
        while (seconds.Count < wanted)
        {
            seconds.AddRange(Replay(graph, out GpuState? now));
            state = Worse(state, now);
        }

        return Duration.Of(seconds) with { Clock = "graph", State = state };
    }

    /// <summary>Overwrites what the cache holds; does not wait.</summary>
    private void Flush() =>
        CudaDriver.Check(CudaDriver.Fill32((nint)flushed.Address, 0, (nuint)flushed.Count, gpu.StreamHandle), "cuMemsetD32Async");

    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        flushed.Dispose();
        marks.Dispose();
    }

    /// <summary>A batch of repetitions; the card is asked for its state while it is at work.</summary>
    private double[] Replay(CudaGraph graph, out GpuState? state)
    {
        graph.Launch();
        state = monitor?.Sample();
        gpu.Synchronize();
        return [.. Enumerable.Range(0, Batch).Select(i => marks.Seconds(2 * i, 2 * i + 1))];
    }

    /// <summary>The state with the lower clock: one batch that was held back spoils the row.</summary>
    private static GpuState? Worse(GpuState? first, GpuState? second) =>
        first is null || (second is not null && second.SmMegahertz < first.SmMegahertz) ? second : first;
}

using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>
/// Events on the device's stream. Before each repetition a buffer larger than any L2 cache is overwritten, so that operands come from
/// memory; the fill also keeps the GPU busy while the host launches, so that launch latency is not measured as kernel time.
/// </summary>
internal sealed class CudaClock : DeviceClock
{
    private const int FlushBytes = 256 << 20; // an H200's L2 has 50 MB; PyTorch's do_bench clears as much
    private const int MostRepetitions = 200, Batch = 50;
    private readonly GpuDevice gpu;
    private readonly Tensor flushed;
    private readonly CudaTimer[] timers;

    public CudaClock(GpuDevice gpu)
    {
        this.gpu = gpu;
        flushed = gpu.CreateTensor(new Shape(FlushBytes / sizeof(float)));
        timers = [.. Enumerable.Range(0, Batch).Select(_ => new CudaTimer(gpu))];
    }

    public override Duration Measure(Action work)
    {
        work();
        double estimate = Run(work, 5).Min();
        int wanted = Math.Clamp((int)(EnoughSeconds / Math.Max(estimate, 1e-6)), FewestRepetitions, MostRepetitions);
        var seconds = new List<double>();
        while (seconds.Count < wanted)
            seconds.AddRange(Run(work, Math.Min(Batch, wanted - seconds.Count)));
        return Duration.Of(seconds);
    }

    /// <summary>Overwrites what the cache holds; does not wait.</summary>
    public void Flush() =>
        CudaDriver.Check(CudaDriver.Fill32((nint)flushed.Address, 0, (nuint)flushed.Count, gpu.StreamHandle), "cuMemsetD32Async");

    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        flushed.Dispose();
        foreach (CudaTimer timer in timers)
            timer.Dispose();
    }

    /// <summary>At most <see cref="Batch"/> repetitions in the stream at once: the host waits once, at the end.</summary>
    private double[] Run(Action work, int repetitions)
    {
        gpu.Bind();
        for (int i = 0; i < repetitions; i++)
        {
            Flush();
            timers[i].Start();
            work();
            timers[i].Stop();
        }

        return [.. timers[..repetitions].Select(timer => timer.Seconds())];
    }
}

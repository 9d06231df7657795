using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks;

/// <summary>The best rates that the device reached in this run, from which the bound of every row follows; NaN for a rate that was not measured.</summary>
/// <param name="BytesPerSecond">Bytes read plus bytes written by a copy within device memory.</param>
/// <param name="FlopsPerSecond">On a GPU, operations of a product of large square matrices whose result is correct; on the host, of multiply-adds in registers.</param>
public sealed record Ceilings(double BytesPerSecond, double FlopsPerSecond)
{
    private const int CopyElements = 1 << 26; // 256 MiB: five times an H200's L2 cache. The driver copies 1 GiB within a graph another way, a third slower
    private const int SmallCopyElements = 1 << 24;
    private static readonly int[] Squares = [4096, 8192]; // the larger fills every multiprocessor, but may reach the card's power cap

    /// <summary>No ceiling was measured.</summary>
    public static Ceilings Unknown { get; } = new(double.NaN, double.NaN);

    /// <summary>Returns the roofline bound, in seconds, of a kernel with a number of operations and bytes; NaN if a ceiling that it needs is unknown.</summary>
    public double Bound(double flops, double bytes)
    {
        double arithmetic = flops > 0 ? flops / FlopsPerSecond : 0;
        double memory = bytes > 0 ? bytes / BytesPerSecond : 0;
        return double.IsNaN(arithmetic) || double.IsNaN(memory) ? double.NaN : Math.Max(arithmetic, memory);
    }

    /// <summary>Whether the memory ceiling gives the bound.</summary>
    public bool IsMemoryBound(double flops, double bytes) => bytes / BytesPerSecond >= flops / FlopsPerSecond || flops == 0;

    /// <summary>Measures the ceilings; the simulator has none, since its times mean nothing.</summary>
    internal static Ceilings Measure(ComputeDevice device, DeviceClock clock, DType type) => device switch
    {
        GpuDevice { IsCuda: true } gpu => new Ceilings(CopyOnGpu(gpu, clock), MatrixRate(gpu, clock, type)),
        CpuDevice cpu => new Ceilings(CopyOnHost(cpu, clock), Enumerable.Range(0, 5).Max(_ => FmaPeak.Measure(cpu)) * 1e9),
        _ => Unknown,
    };

    /// <summary>Times the engine's own copy, which the driver executes.</summary>
    private static double CopyOnGpu(GpuDevice gpu, DeviceClock clock) =>
        new KernelBench(gpu, clock, Unknown).Run(new CopyCase(CopyElements)).Tbps * 1e12 ?? double.NaN;

    private static double CopyOnHost(CpuDevice cpu, DeviceClock clock)
    {
        using Tensor source = cpu.CreateTensor(new Shape(SmallCopyElements)), target = cpu.CreateTensor(new Shape(SmallCopyElements));
        double seconds = clock.Measure(() => source.Span.CopyTo(target.Span)).Median;
        return 2.0 * sizeof(float) * SmallCopyElements / seconds;
    }

    private static double MatrixRate(GpuDevice gpu, DeviceClock clock, DType type) =>
        Squares.Max(n => new KernelBench(gpu, clock, Unknown).Run(ProductCase.Gemm(n, n, n, type, Direction.Forward)).Tflops) * 1e12 ?? double.NaN;
}

using ILGPU.Runtime.Cuda;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The clock of the suite against kernels whose duration is known, since they watch the GPU's own timer.</summary>
public class CudaClockTests
{
    private static readonly Dictionary<string, string> Macros = new() { ["now"] = "mov.u64 $0, %globaltimer;" };

    private static readonly PtxKernelSpec Spinning = new(((Delegate)Spin).Method, "", "sm_80", Threads: 32, SharedBytes: 0, Macros);

    public static TheoryData<string> Gpu => TestDevices.Gpu;

    [Fact]
    public void The_spinning_kernel_reads_the_timer_in_its_loop()
    {
        string text = Spinning.Compile().Text;
        Assert.Equal(2, text.Split("%globaltimer").Length - 1);
        Assert.Contains("bra", text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Gpu))]
    public void A_kernel_that_spins_for_a_known_time_is_measured_within_three_percent(string device)
    {
        var gpu = (GpuDevice)TestDevices.Get(device);
        var kernel = PtxKernel.Load(gpu, Spinning);
        using DeviceClock clock = DeviceClock.Of(gpu);
        foreach (double microseconds in (double[])[200, 1000, 5000])
        {
            Duration time = clock.Measure(() => kernel.Launch(1, (long)(1000 * microseconds)));
            Assert.InRange(1e6 * time.Median / microseconds, 0.99, 1.03);
            Assert.True(time is { Clock: "graph", Repetitions: >= 20 } && time.Low <= time.Median && time.Median <= time.High, $"{time}");
        }
    }

    [Theory]
    [MemberData(nameof(Gpu))]
    public void Twice_the_kernels_take_twice_the_time(string device)
    {
        var gpu = (GpuDevice)TestDevices.Get(device);
        var kernel = PtxKernel.Load(gpu, Spinning);
        using DeviceClock clock = DeviceClock.Of(gpu);
        Duration twice = clock.Measure(() =>
        {
            kernel.Launch(1, 500_000L);
            kernel.Launch(1, 500_000L);
        });
        Assert.InRange(1e3 * twice.Median, 0.99, 1.03);
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(0x1 | 0x2, "")] // idle, and a clock that a user has set
    [InlineData(0x4, "power cap")]
    [InlineData(0x20 | 0x80, "software thermal + power brake")]
    public void Reasons_for_throttling_are_said_in_words(int bits, string words) => Assert.Equal(words, GpuMonitor.Describe((ulong)bits));

    private static void Spin(long nanoseconds)
    {
        CudaAsm.Emit("@@now %0;", out long start);
        long now;
        do
        {
            CudaAsm.Emit("@@now %0;", out now);
        }
        while (now - start < nanoseconds);
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class CpuDeviceTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Loops_do_every_item_once_in_pieces_that_do_not_depend_on_threads(int threads)
    {
        using var device = new CpuDevice(threads);
        int[] visits = new int[1001];
        var pieces = new System.Collections.Concurrent.ConcurrentBag<(long, long)>();
        device.For(1001L, 100, (start, end) =>
        {
            pieces.Add((start, end));
            for (long i = start; i < end; i++)
                visits[i]++;
        });
        Assert.All(visits, count => Assert.Equal(1, count));
        Assert.Equal(Enumerable.Range(0, 11).Select(i => (100L * i, Math.Min(1001, 100L * (i + 1)))), pieces.Order());
        device.For(0L, 100, (_, _) => Assert.Fail("there is nothing to do"));
    }

    [Fact]
    public void Refuses_no_threads() => Assert.Throws<ArgumentOutOfRangeException>(() => new CpuDevice(0));

    [Fact]
    public void Memory_is_aligned_and_zero()
    {
        using var device = new CpuDevice(1);
        for (int count = 1; count < 300; count += 7)
        {
            using Tensor x = device.CreateTensor(new Shape(count));
            unsafe
            {
                Assert.Equal(0, (long)x.Pointer % ComputeDevice.Alignment);
            }

            Assert.Equal(new float[count], x.ToArray());
        }
    }

    [Fact]
    public void Opening_says_what_is_unknown_or_missing()
    {
        Assert.Contains("tpu", Assert.Throws<DeviceUnavailableException>(() => ComputeDevice.Open("tpu")).Message, StringComparison.Ordinal);
        using ComputeDevice device = ComputeDevice.Open("auto", out string? reason);
        Assert.Equal(device is CpuDevice, reason is not null);
        Assert.Equal(CudaLibrary.WhyUnavailable() is null, device is GpuDevice);
    }
}

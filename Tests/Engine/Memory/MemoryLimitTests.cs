using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>A need beyond all memory is refused before it is taken, with its size and what it was for.</summary>
public class MemoryLimitTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void An_arena_beyond_all_memory_is_refused_with_the_need(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        long before = device.AllocatedBytes;
        using var program = new ComputeProgram(device);
        Tensor[] tensors = [.. Enumerable.Range(0, 4000).Select(_ => program.Allocate(new Shape(1 << 30)))]; // 16,000 GiB
        program.Emit("hold", [], tensors, _ => { }, _ => () => { });
        MemoryLimitException refused = Assert.Throws<MemoryLimitException>(program.Compile);
        Assert.Equal(4000L << 32, refused.NeededBytes);
        Assert.InRange(refused.FreeBytes, 1, refused.NeededBytes - 1);
        Assert.StartsWith("out of memory: the arena of a program (1 steps) needs 16,000.0 GiB on ", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, device.AllocatedBytes);
    }

    [Fact]
    public void Host_memory_is_checked_before_it_is_taken()
    {
        long free = FreeHostMemory.Bytes;
        Assert.InRange(free, 1 << 20, 1L << 46);
        MemoryLimitException refused = Assert.Throws<MemoryLimitException>(() => FreeHostMemory.Require("the test", free * 2 + (64L << 20)));
        Assert.Contains("the test needs", refused.Message, StringComparison.Ordinal);
        FreeHostMemory.Require("the test", Math.Min(free / 4, 64L << 20));
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_tensor_of_2_to_the_31_elements_takes_no_memory_before_it_is_refused(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        long before = device.AllocatedBytes;
        Assert.Throws<TensorLimitException>(() => device.CreateTensor(new Shape(1 << 16, 1 << 15)));
        Assert.Throws<ArgumentException>(() => device.CreateTensor(new Shape(3), [1f, 2f]));
        Assert.Equal(before, device.AllocatedBytes);
    }

    [Fact]
    public void The_message_says_need_place_and_way_out()
    {
        var limit = new MemoryLimitException("the state", 3L << 30, 812L << 20, "the host");
        Assert.Equal("out of memory: the state needs 3.0 GiB on the host, which has 812 MiB free", limit.Message);
        MemoryLimitException advised = limit.With("a smaller --batch needs less");
        Assert.Equal(limit.Message + "; a smaller --batch needs less", advised.Message);
        Assert.Equal((limit.NeededBytes, limit.FreeBytes), (advised.NeededBytes, advised.FreeBytes));
        Assert.Equal("out of memory: cuGraphLaunch needs memory on the GPU", new MemoryLimitException("cuGraphLaunch", 0, -1, "the GPU").Message);
        Assert.Equal(["17 bytes", "3 KiB", "5 MiB", "1.5 GiB"], new[] { 17L, 3 << 10, 5 << 20, 3L << 29 }.Select(MemoryLimitException.Format));
    }
}

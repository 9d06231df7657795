using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Engine.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>A value that another thread makes is made once, and a failure reaches every reader.</summary>
public class BackgroundTests
{
    [Fact]
    public void It_is_made_once_however_many_read_it()
    {
        int made = 0;
        var value = new Background<int>(() =>
        {
            Thread.Sleep(20);
            return Interlocked.Increment(ref made);
        });
        Parallel.For(0, 8, _ =>
        {
            value.Start();
            Assert.Equal(1, value.Value);
        });
        Assert.Equal(1, made);
    }

    [Fact]
    public void The_owner_goes_on_meanwhile()
    {
        using var gate = new ManualResetEventSlim();
        using var begun = new CountdownEvent(2);
        Background<int> Waiting(int result) => new(() =>
        {
            begun.Signal();
            gate.Wait(TestContext.Current.CancellationToken);
            return result;
        });
        Background<int> first = Waiting(1), second = Waiting(2);
        first.Start();
        second.Start();
        Assert.True(begun.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)); // both at work at a time, neither ended
        gate.Set();
        Assert.Equal((1, 2), (first.Value, second.Value));
    }

    [Fact]
    public void What_it_throws_is_thrown_to_every_reader_as_it_is()
    {
        var value = new Background<int>(() => throw new CudaDriverException("compiling Convolve: refused"));
        value.Start();
        value.Settle();
        Assert.Contains("Convolve", Assert.Throws<CudaDriverException>(() => value.Value).Message, StringComparison.Ordinal);
        Assert.Throws<CudaDriverException>(() => value.Value);
    }

    [Fact]
    public void Looking_neither_begins_nor_waits_nor_throws()
    {
        var value = new Background<int>(() => 7);
        Assert.False(value.TryGet(out _));
        value.Settle();
        Assert.False(value.TryGet(out _)); // nor has looking begun it
        value.Start();
        value.Settle();
        Assert.True(value.TryGet(out int made) && made == 7);
        var failing = new Background<int>(() => throw new CudaDriverException("refused"));
        failing.Start();
        failing.Settle();
        Assert.False(failing.TryGet(out _));
        using var gate = new ManualResetEventSlim();
        var pending = new Background<int>(() =>
        {
            gate.Wait(TimeSpan.FromSeconds(30));
            return 7;
        });
        pending.Start();
        Assert.False(pending.TryGet(out _));
        gate.Set();
        pending.Settle();
    }

    [Fact]
    public void Settling_waits_for_what_has_begun_and_begins_nothing()
    {
        bool ended = false;
        var value = new Background<int>(() =>
        {
            Thread.Sleep(50);
            ended = true;
            return 0;
        });
        value.Settle();
        Assert.False(ended);
        value.Start();
        value.Settle();
        Assert.True(ended);
    }
}

using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class OrderedLoopTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(37)]
    [InlineData(999)]
    public void First_failure_in_order_is_thrown_and_all_before_it_was_done(int first)
    {
        for (int round = 0; round < 20; round++)
        {
            int[] calls = new int[1000];
            OrderedLoop.Failure? failure = OrderedLoop.Try(calls.Length, () => 0, (i, _) =>
            {
                Thread.SpinWait((calls.Length - i) % 97);
                if (i >= first && (i - first) % 7 == 0)
                    throw new TimeoutException($"{i}");
                Interlocked.Increment(ref calls[i]);
            });
            Assert.Equal(first, failure!.Index);
            Assert.All(calls[..first], count => Assert.Equal(1, count));
            Assert.Equal($"{first}", Assert.Throws<TimeoutException>(() => failure.Reason.Throw()).Message);
        }
    }

    [Fact]
    public void Without_a_failure_every_index_has_its_turn_and_every_worker_its_end()
    {
        int started = 0, ended = 0;
        int[] calls = new int[5000];
        OrderedLoop.Run(calls.Length, () => Interlocked.Increment(ref started), (i, _) => calls[i]++, _ => Interlocked.Increment(ref ended));
        Assert.All(calls, count => Assert.Equal(1, count));
        Assert.Equal(started, ended);
    }

    /// <summary>The message is that of the image, not of a collection of exceptions.</summary>
    [Fact]
    public void Statistics_of_damaged_images_name_the_first()
    {
        TestImages broken = new(400, 2, 2, 1) { OnRead = i => { if (i > 200) throw new TimeoutException($"image {i}"); } };
        Assert.Equal("image 201", Assert.Throws<TimeoutException>(() => PixelStatistics.Measure(broken)).Message);
    }
}

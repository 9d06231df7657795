using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class BatchOrderTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 3)]
    [InlineData(10, 5)]
    [InlineData(3, 8)]
    [InlineData(1000, 64)]
    public void Every_epoch_shows_every_image_once(int count, int batchSize)
    {
        int[] all = Draw(new BatchOrder(count, seed: 5), 0, (4 * count + batchSize - 1) / batchSize, batchSize);
        for (int epoch = 0; epoch < 4; epoch++)
            Assert.Equal(Enumerable.Range(0, count), all.Skip(epoch * count).Take(count).Order());
    }

    [Fact]
    public void Any_step_can_be_asked_for_first()
    {
        int[] all = Draw(new BatchOrder(37, seed: 9), 0, 40, 5);
        foreach (int step in new[] { 39, 0, 7, 8, 3, 15 })
            Assert.Equal(all.Skip(step * 5).Take(5), Draw(new BatchOrder(37, seed: 9), step, 1, 5));
        BatchOrder jumping = new(37, seed: 9);
        foreach (int step in new[] { 39, 0, 7, 8, 3, 15 })
            Assert.Equal(all.Skip(step * 5).Take(5), Draw(jumping, step, 1, 5));
    }

    [Fact]
    public void Epochs_and_seeds_differ()
    {
        int[] one = Draw(new BatchOrder(100, seed: 1), 0, 2, 100);
        int[] two = Draw(new BatchOrder(100, seed: 2), 0, 1, 100);
        Assert.InRange(Matches(one[..100], one[100..]), 0, 8);
        Assert.InRange(Matches(one[..100], two), 0, 8);
        Assert.InRange(Matches(one[..100], [.. Enumerable.Range(0, 100)]), 0, 8);
    }

    [Fact]
    public void Every_place_is_equally_likely()
    {
        // 6000 epochs of 6 images: each (image, place) is expected 1000 times, its standard deviation is 29.
        int[] all = Draw(new BatchOrder(6, seed: 3), 0, 6000, 6);
        for (int image = 0; image < 6; image++)
        {
            for (int place = 0; place < 6; place++)
                Assert.InRange(Enumerable.Range(0, 6000).Count(epoch => all[epoch * 6 + place] == image), 850, 1150);
        }
    }

    private static int Matches(int[] a, int[] b) => a.Zip(b).Count(pair => pair.First == pair.Second);

    private static int[] Draw(BatchOrder order, int firstStep, int steps, int batchSize)
    {
        int[] all = new int[steps * batchSize];
        for (int i = 0; i < steps; i++)
            order.Fill(firstStep + i, all.AsSpan(i * batchSize, batchSize));
        return all;
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class BatchLoaderTests
{
    [Theory]
    [InlineData(false, 5, 1)]
    [InlineData(true, 5, 3)]
    [InlineData(true, 4, 1)]
    [InlineData(true, 1, 3)]
    public void Batches_hold_the_ordered_images_scaled_and_mirrored(bool flip, int width, int channels)
    {
        TestImages data = new(11, 3, width, channels, labelCount: 4);
        BatchOrder order = new(11, seed: 6);
        int[] indices = new int[4];
        int mirrored = 0;
        using BatchLoader loader = new(data, 4, seed: 6, firstStep: 2, flip: flip, ahead: 2);
        for (int step = 2; step < 40; step++)
        {
            ImageBatch batch = loader.Next();
            Assert.Equal(step, batch.Step);
            order.Fill(step, indices);
            Assert.Equal(indices, batch.Indices);
            for (int i = 0; i < 4; i++)
            {
                Assert.Equal(indices[i] % 4, batch.Labels[i]);
                bool mirror = flip && BatchLoader.IsMirrored(6, step, i);
                mirrored += mirror ? 1 : 0;
                for (int y = 0; y < 3; y++)
                {
                    for (int x = 0; x < width; x++)
                    {
                        for (int c = 0; c < channels; c++)
                        {
                            byte expected = TestImages.PixelOf(indices[i], (y * width + (mirror ? width - 1 - x : x)) * channels + c);
                            Assert.Equal(PixelScaling.ToModel(expected), batch.Pixels[((i * 3 + y) * width + x) * channels + c]);
                        }
                    }
                }
            }
        }

        // 152 draws at probability 1/2, standard deviation 6.
        Assert.InRange(mirrored, flip ? 46 : 0, flip ? 106 : 0);
    }

    /// <summary>An allocation beyond the memory would end the process without a reason.</summary>
    [Fact]
    public void Batches_beyond_the_memory_are_refused_before_they_are_made()
    {
        MemoryLimitException refused = Assert.Throws<MemoryLimitException>(() => BatchLoader.RequireMemory(1 << 30, 1 << 20));
        Assert.Contains("a ring of 4 batches of 1073741824 images needs 16,777,216.0 GiB on the host", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("; a smaller --batch needs less, micro-batches do not", refused.Message, StringComparison.Ordinal);
        BatchLoader.RequireMemory(1, 1);
    }

    [Fact]
    public void Mirroring_depends_on_seed_step_and_sample()
    {
        Assert.Equal(2, Enumerable.Range(0, 40).Select(step => BatchLoader.IsMirrored(1, step, 0)).Distinct().Count());
        Assert.Equal(2, Enumerable.Range(0, 40).Select(sample => BatchLoader.IsMirrored(1, 0, sample)).Distinct().Count());
        Assert.Equal(2, Enumerable.Range(0, 40).Select(seed => BatchLoader.IsMirrored((ulong)seed, 0, 0)).Distinct().Count());
        Assert.Equal(2, Enumerable.Range(0, 40).Select(step => BatchLoader.IsMirrored(1, (long)step << 32, 0)).Distinct().Count());
    }

    [Fact]
    public void Loader_started_later_continues_an_earlier_one()
    {
        TestImages data = new(13, 2, 3, 1);
        using BatchLoader whole = new(data, 5, seed: 1, flip: true);
        for (int step = 0; step < 7; step++)
            whole.Next();
        using BatchLoader resumed = new(data, 5, seed: 1, firstStep: 7, flip: true);
        for (int step = 7; step < 20; step++)
        {
            ImageBatch expected = whole.Next();
            ImageBatch actual = resumed.Next();
            Assert.Equal(expected.Step, actual.Step);
            Assert.Equal(expected.Pixels, actual.Pixels);
            Assert.Equal([-1, -1, -1, -1, -1], actual.Labels);
        }
    }

    [Fact]
    public void Batch_stays_whole_while_it_is_in_use_and_memory_is_reused()
    {
        TestImages data = new(50, 4, 4, 1);
        using BatchLoader loader = new(data, 8, seed: 1, ahead: 2);
        HashSet<float[]> buffers = [];
        for (int step = 0; step < 30; step++)
        {
            ImageBatch batch = loader.Next();
            buffers.Add(batch.Pixels);
            float[] copy = [.. batch.Pixels];
            Thread.Sleep(1);
            Assert.Equal(copy, batch.Pixels);
        }

        Assert.Equal(3, buffers.Count);
    }

    [Fact]
    public void Failure_of_the_thread_reaches_the_consumer_after_the_good_batches()
    {
        TestImages whole = new(40, 2, 2, 1);
        int[] first = new int[8];
        new BatchOrder(40, seed: 4).Fill(2, first);
        TestImages broken = new(40, 2, 2, 1) { BrokenImage = first[3] };
        using BatchLoader loader = new(broken, 8, seed: 4);
        Assert.Equal(0, loader.Next().Step);
        Assert.Equal(1, loader.Next().Step);
        Assert.Equal($"image {first[3]} is gone", Assert.Throws<TimeoutException>(() => loader.Next()).Message);
        Assert.Throws<TimeoutException>(() => loader.Next());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 3)]
    [InlineData(40, 2)]
    public void Images_decoded_on_reading_give_the_same_batches(int size, int ahead)
    {
        using BatchLoader kept = new(new TestImages(23, 3, 4, 3, labelCount: 5), size, seed: 8, firstStep: 3, flip: true, ahead: ahead);
        using BatchLoader decoded = new(new TestImages(23, 3, 4, 3, labelCount: 5) { IsDecodedOnRead = true }, size, seed: 8, firstStep: 3, flip: true, ahead: ahead);
        for (int i = 0; i < 30; i++)
        {
            ImageBatch expected = kept.Next(), actual = decoded.Next();
            Assert.Equal((expected.Step, expected.Indices, expected.Labels), (actual.Step, actual.Indices, actual.Labels), SameBatch);
            Assert.Equal(expected.Pixels, actual.Pixels);
        }

        static bool SameBatch((long Step, int[] Indices, int[] Labels) a, (long Step, int[] Indices, int[] Labels) b) =>
            a.Step == b.Step && a.Indices.SequenceEqual(b.Indices) && a.Labels.SequenceEqual(b.Labels);
    }

    /// <summary>A reader waits for a second one, which never comes on one thread. With batches of one image it comes from the batch behind.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(1)]
    public void Images_decoded_on_reading_are_read_on_several_threads(int size)
    {
        using ManualResetEventSlim met = new();
        int reading = 0;
        bool alone = false;
        TestImages data = new(64, 2, 2, 1) { IsDecodedOnRead = true, OnRead = Meet };
        using (BatchLoader loader = new(data, size, seed: 1, ahead: 3))
            loader.Next();
        Assert.False(alone);

        void Meet(int image)
        {
            if (Interlocked.Increment(ref reading) == 2)
                met.Set();
            alone = alone || !met.Wait(TimeSpan.FromSeconds(20));
            Interlocked.Decrement(ref reading);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(7)]
    public void Failure_among_batches_read_at_once_comes_after_those_before_it(int place)
    {
        int[] images = new int[8];
        new BatchOrder(40, seed: 4).Fill(2, images);
        TestImages broken = new(40, 2, 2, 1) { BrokenImage = images[place], IsDecodedOnRead = true };
        for (int round = 0; round < 20; round++)
        {
            using BatchLoader loader = new(broken, 8, seed: 4, ahead: 4);
            Assert.Equal(0, loader.Next().Step);
            ImageBatch last = loader.Next();
            Assert.Equal(1, last.Step);
            Assert.Equal(PixelScaling.ToModel(TestImages.PixelOf(last.Indices[7], 3)), last.Pixels[^1]);
            Assert.Equal($"image {images[place]} is gone", Assert.Throws<TimeoutException>(() => loader.Next()).Message);
            Assert.Throws<TimeoutException>(() => loader.Next());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Disposing_ends_the_thread_at_any_moment(bool decoded)
    {
        for (int i = 0; i < 20; i++)
        {
            BatchLoader loader = new(new TestImages(9, 2, 2, 1) { IsDecodedOnRead = decoded }, 3, seed: 1);
            for (int step = 0; step < i % 5; step++)
                loader.Next();
            loader.Dispose();
            loader.Dispose();
            Assert.Throws<ObjectDisposedException>(() => loader.Next());
        }
    }
}

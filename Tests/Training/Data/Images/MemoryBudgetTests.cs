using System.Buffers.Binary;
using System.IO.Hashing;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Memory is counted before it is allocated, so that many cores or a small file cannot ask for more than the budget.</summary>
public class MemoryBudgetTests
{
    [Fact]
    public void Bytes_in_use_never_exceed_the_budget()
    {
        MemoryBudget budget = new(100);
        long used = 0, most = 0;
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i =>
        {
            using MemoryBudget.Lease lease = budget.Take(30 + i % 3);
            long now = Interlocked.Add(ref used, 30 + i % 3);
            InterlockedMax(ref most, now);
            Thread.Yield();
            Interlocked.Add(ref used, -(30 + i % 3));
        });
        Assert.InRange(most, 30, 100);
        Assert.InRange(budget.Peak, most, 100);
    }

    [Fact]
    public void Work_beyond_the_whole_budget_runs_alone()
    {
        MemoryBudget budget = new(100);
        using (budget.Take(1000))
        {
            Assert.False(Ends(() => budget.Take(1).Dispose()));
        }

        using (budget.Take(1))
        {
            Assert.False(Ends(() => budget.Take(1000).Dispose()));
        }

        Assert.Equal(1000, budget.Peak);

        static bool Ends(ThreadStart work)
        {
            Thread thread = new(work) { IsBackground = true };
            thread.Start();
            return thread.Join(50);
        }
    }

    [Fact]
    public void Decoding_on_many_threads_stays_within_the_budget()
    {
        byte[] image = TestPng.Encode(new byte[512 * 512], 512, 512, 1);
        MemoryBudget budget = new(5 << 19); // two images of 1 MiB, and a half
        ImageFit fit = new(8, 3);
        Thread[] threads = [.. Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 4; i++)
                Assert.Null(ImageDecoder.Decode(image, fit, new byte[192], budget));
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.InRange(budget.Peak, 1 << 20, 2 << 20);
    }

    /// <summary>The codec keeps another image for those that come in passes.</summary>
    [Fact]
    public void Interlaced_and_progressive_images_are_charged_for_their_passes()
    {
        byte[] png = TestPng.Encode(new byte[64 * 64], 64, 64, 1);
        Assert.Equal(4 * 64 * 64, Charge(png));
        png[28] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc32.HashToUInt32(png.AsSpan(12, 17)));
        Assert.Equal(12 * 64 * 64, Charge(png));

        byte[] jpeg = TestJpeg.Encode(64, 32);
        Assert.Equal(4 * 64 * 32, Charge(jpeg));
        int frame = jpeg.AsSpan().IndexOf<byte>([0xff, 0xc0]);
        jpeg[frame + 1] = 0xc2; // now called progressive; whether it then decodes does not matter
        Assert.Equal(12 * 64 * 32, Charge(jpeg));

        static long Charge(byte[] encoded)
        {
            MemoryBudget budget = new(long.MaxValue);
            ImageDecoder.Decode(encoded, new ImageFit(8, 3), new byte[192], budget);
            return budget.Peak;
        }
    }

    /// <summary>One copy of a large image, outside of the garbage collector's memory: 16 MB here, of which nothing is left to collect.</summary>
    [Fact]
    public void Large_image_is_fitted_without_another_copy()
    {
        byte[] image = TestPng.Encode(new byte[2048 * 2048], 2048, 2048, 1);
        ImageFit fit = new(16, 3);
        byte[] fitted = new byte[16 * 16 * 3];
        Assert.Null(ImageDecoder.Decode(image, fit, fitted));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(ImageDecoder.Decode(image, fit, fitted));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    /// <summary>A set of many sizes: the weights of the first 512 are kept, those of the others made each time.</summary>
    [Fact]
    public void Weights_of_very_many_sizes_are_not_kept()
    {
        ImageFit fit = new(1, 1);
        byte[] fitted = new byte[1];
        long allocated = 0;
        foreach (int side in Enumerable.Range(2, 512).Concat([1000, 1000, 3, 3]))
        {
            byte[] source = new byte[side * side];
            long before = GC.GetAllocatedBytesForCurrentThread();
            fit.Apply(source, side, side, 1, fitted);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (side == 1000)
                Assert.InRange(allocated, 4 * side, 8 * side);
        }

        Assert.InRange(allocated, 0, 8);
    }

    /// <summary>Four million images of one pixel fit into 4 KB of gzip, and would be gigabytes at the model's size.</summary>
    [Fact]
    public void Store_of_a_small_file_is_refused_before_it_is_allocated()
    {
        using TemporaryFolder temp = new();
        string path = temp.Write("images-idx3-ubyte.gz", new byte[4000]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var refusal = Assert.Throws<InvalidFileException>(() => new ImageStore(path, 4_000_000, 16, 3));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Contains("4000000 images, which need 2929 MiB at 16 x 16 pixels", refusal.Reason, StringComparison.Ordinal);
        Assert.Equal(1000, new ImageStore(path, 1000, 16, 3).Count);
    }

    private static void InterlockedMax(ref long place, long value)
    {
        for (long seen = Volatile.Read(ref place); value > seen; seen = Volatile.Read(ref place))
            Interlocked.CompareExchange(ref place, value, seen);
    }
}

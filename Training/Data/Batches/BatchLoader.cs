using System.Runtime.ExceptionServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Prepares the batches of consecutive training steps ahead of their use, on a thread of its own. A batch depends only on (seed, step), so
/// a loader started at step s gives the same batches as one started at 0 gives from s on. The batches' memory is allocated at the start.
/// </summary>
/// <remarks>
/// A data set that is decoded on reading is read on all cores, all batches that are free at once, so that small batches keep many cores busy too.
/// </remarks>
public sealed class BatchLoader : IDisposable
{
    /// <summary>Batches that may wait for their use.</summary>
    private const int UsuallyAhead = 3;

    private readonly IImageDataset data;
    private readonly ulong seed;
    private readonly bool flip;
    private readonly BatchOrder order;
    private readonly int imageLength, storedLength;
    private readonly ImageBatch[] ring;
    private readonly SemaphoreSlim free;
    private readonly SemaphoreSlim filled = new(0);
    private readonly Thread thread;
    private readonly long firstStep;

    private long made;
    private long taken;
    private ExceptionDispatchInfo? failure;
    private volatile bool stopping;
    private bool disposed;

    /// <summary>Starts to prepare batches.</summary>
    /// <param name="data">The images.</param>
    /// <param name="batchSize">Images in a batch, at least 1.</param>
    /// <param name="seed">Seed of the order, the flips and the noise of latents.</param>
    /// <param name="firstStep">Training step of the first batch, at least 0.</param>
    /// <param name="flip">Whether to mirror each image left to right with probability 1/2, drawn anew at each use.</param>
    /// <param name="ahead">Number of batches that may wait for their use, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <exception cref="ArgumentException">Latents shall be mirrored: those of a mirrored image are others.</exception>
    /// <exception cref="MemoryLimitException">The host has not as much memory as the batches take.</exception>
    public BatchLoader(IImageDataset data, int batchSize, ulong seed, long firstStep = 0, bool flip = false, int ahead = UsuallyAhead)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentOutOfRangeException.ThrowIfNegative(firstStep);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ahead);
        (this.data, this.seed, this.firstStep, this.flip) = (data, seed, firstStep, flip);
        order = new BatchOrder(data.Count, seed);
        if (flip && data.Latents is not null)
            throw new ArgumentException("latents cannot be mirrored: those of a mirrored image are others");
        imageLength = data.Height * data.Width * data.Channels;
        storedLength = data.StoredBytes;

        RequireMemory(batchSize, imageLength, ahead);

        // One more than may wait, since the consumer still reads the last batch it was given.
        ring = new ImageBatch[ahead + 1];
        for (int i = 0; i < ring.Length; i++)
            ring[i] = new ImageBatch(batchSize, imageLength);
        free = new SemaphoreSlim(ring.Length);
        thread = new Thread(Run) { IsBackground = true, Name = "batch loader" };
        thread.Start();
    }

    /// <summary>Requires that the host has the memory that batches take, before anything else is made for them: beyond it the runtime ends the process.</summary>
    /// <param name="batchSize">Images in a batch.</param>
    /// <param name="imageLength">Numbers of an image.</param>
    /// <param name="ahead">Number of batches that may wait for their use.</param>
    /// <exception cref="MemoryLimitException">The host has not as much.</exception>
    public static void RequireMemory(int batchSize, int imageLength, int ahead = UsuallyAhead)
    {
        try
        {
            FreeHostMemory.Require($"a ring of {ahead + 1} batches of {batchSize} images", (ahead + 1L) * batchSize * sizeof(float) * imageLength);
        }
        catch (MemoryLimitException e)
        {
            throw e.With("a smaller --batch needs less, micro-batches do not");
        }
    }

    /// <summary>
    /// Returns the batch of the next step, and waits for it if necessary. The batch is valid until the next call, which reuses its memory.
    /// An exception of the data set on the loader's thread is rethrown here, after the batches that were made before it.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The loader has been disposed.</exception>
    public ImageBatch Next()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (taken > 0)
            free.Release();
        filled.Wait();
        if (taken == Volatile.Read(ref made))
        {
            // Only a failure releases the semaphore without a batch. Released again, it fails the next call too.
            filled.Release();
            failure!.Throw();
        }

        return ring[taken++ % ring.Length];
    }

    /// <summary>Ends the thread and waits for it.</summary>
    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        stopping = true;
        free.Release();
        thread.Join();
        free.Dispose();
        filled.Dispose();
    }

    private void Run()
    {
        try
        {
            byte[] image = new byte[storedLength];
            while (!stopping) // read again, since a parallel filling may have taken the release by which disposing wakes this thread
            {
                free.Wait();
                if (stopping)
                    return;
                if (data.IsDecodedOnRead)
                {
                    FillParallel();
                }
                else
                {
                    ImageBatch batch = Begin(0);
                    for (int i = 0; i < batch.Indices.Length; i++)
                        Fill(batch, i, image);
                    Publish();
                }
            }
        }
        catch (Exception e)
        {
            // The consumer handles every exception: one that left this thread would end the process.
            failure = ExceptionDispatchInfo.Capture(e);
            filled.Release();
        }
    }

    /// <summary>Fills the batch whose turn has come, and those behind it that are free too.</summary>
    private void FillParallel()
    {
        int count = 1;
        while (count < ring.Length && free.Wait(0))
            count++;

        // Disposing releases a batch that isn't free.
        if (stopping)
            return;
        ImageBatch[] batches = new ImageBatch[count];
        for (int i = 0; i < count; i++)
            batches[i] = Begin(i);
        int size = batches[0].Indices.Length;
        OrderedLoop.Failure? failed = OrderedLoop.Try(count * size, () => new byte[storedLength], (i, image) =>
        {
            if (!stopping)
                Fill(batches[i / size], i % size, image);
        });
        for (int whole = failed is null ? count : failed.Index / size; whole > 0; whole--)
            Publish();
        failed?.Reason.Throw();
    }

    /// <summary>Sets step and images of a batch: the next one, or one that comes <paramref name="later"/> batches behind it.</summary>
    private ImageBatch Begin(int later)
    {
        ImageBatch batch = ring[(made + later) % ring.Length];
        batch.Step = firstStep + made + later;
        order.Fill(batch.Step, batch.Indices);
        return batch;
    }

    private void Publish()
    {
        Volatile.Write(ref made, made + 1);
        filled.Release();
    }

    /// <summary>Reads the image at place <paramref name="i"/> of a batch, by way of a buffer.</summary>
    private void Fill(ImageBatch batch, int i, byte[] image)
    {
        data.Read(batch.Indices[i], image);
        batch.Labels[i] = data.Label(batch.Indices[i]);
        Span<float> values = batch.Pixels.AsSpan(i * imageLength, imageLength);
        if (data.Latents is { } space)
        {
            LatentScaling.ToModel(image, space, values, seed, batch.Step, i);
            return;
        }

        if (flip && IsMirrored(seed, batch.Step, i))
            Mirror(image);
        PixelScaling.ToModel(image, values);
    }

    /// <summary>Whether image <paramref name="sample"/> of a step's batch is mirrored.</summary>
    internal static bool IsMirrored(ulong seed, long step, int sample) =>
        CounterStream.For(RandomPurpose.Flip, seed, step).BitAt(sample);

    private void Mirror(Span<byte> pixels)
    {
        int width = data.Width;
        int channels = data.Channels;
        for (int start = 0; start < pixels.Length; start += width * channels)
        {
            Span<byte> row = pixels.Slice(start, width * channels);
            for (int left = 0, right = width - 1; left < right; left++, right--)
            {
                for (int c = 0; c < channels; c++)
                    (row[left * channels + c], row[right * channels + c]) = (row[right * channels + c], row[left * channels + c]);
            }
        }
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Samplers of one model for any number of threads: each draw gets a sampler of its own for as long as it lasts, and draws beyond the pool's size wait for one. The
/// samplers share the model's weights; each has states and activations of its own. A draw gives the same bits as on a sampler alone.
/// </summary>
/// <remarks>
/// All members may be called from any thread. On the host a draw uses all cores, so a few samplers keep them busy; on a GPU all samplers share one stream, so that more
/// than two only take memory.
/// </remarks>
public sealed class SamplerPool : IDisposable
{
    private readonly Func<TrigFlowModel, ImageSampler> create;
    private readonly bool ownsModel;
    private readonly SemaphoreSlim slots;
    private readonly CancellationTokenSource closing = new();
    private readonly Lock gate = new(), disposing = new();
    private readonly Stack<ImageSampler> idle = [];
    private readonly HashSet<ImageSampler> made = [];
    private bool disposed;

    /// <summary>Makes a pool without a sampler; draws make them.</summary>
    /// <param name="model">The model; must outlive the pool. Its weights must not change while draws are under way.</param>
    /// <param name="create">Makes a new sampler of the model, such as <c>model => new ConsistencySampler(model, batch: 4)</c>; may be called by several threads at once.</param>
    /// <param name="size">Number of samplers, hence of draws at a time, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public SamplerPool(TrigFlowModel model, Func<TrigFlowModel, ImageSampler> create, int size = 2)
        : this(model, create, size, ownsModel: false)
    {
    }

    private SamplerPool(TrigFlowModel model, Func<TrigFlowModel, ImageSampler> create, int size, bool ownsModel)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(create);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        (Model, this.create, Size, this.ownsModel) = (model, create, size, ownsModel);
        slots = new SemaphoreSlim(size, size);
    }

    /// <summary>The model.</summary>
    public TrigFlowModel Model { get; }

    /// <summary>Maximum number of samplers, hence of draws at a time.</summary>
    public int Size { get; }

    /// <summary>Samplers made so far.</summary>
    public int Samplers
    {
        get
        {
            lock (gate)
                return made.Count;
        }
    }

    /// <summary>Loads a model together with a pool that owns it.</summary>
    /// <param name="path">Path of a weight file.</param>
    /// <param name="device">Device that samples; must outlive the pool.</param>
    /// <param name="create">See the constructor.</param>
    /// <param name="size">Number of samplers, at least 1.</param>
    /// <param name="precision">Precision of the network.</param>
    /// <exception cref="ArgumentException">The path is empty, the size is below 1, or the device has no kernels for the precision.</exception>
    /// <exception cref="InvalidFileException">As for <see cref="WeightFile.Load"/>.</exception>
    public static SamplerPool Load(
        string path, ComputeDevice device, Func<TrigFlowModel, ImageSampler> create, int size = 2, Precision precision = Precision.Auto)
    {
        ArgumentNullException.ThrowIfNull(create);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        return new SamplerPool(TrigFlowModel.Load(path, device, precision), create, size, ownsModel: true);
    }

    /// <summary>Draws images as <see cref="ImageSampler.Sample"/> does, on the calling thread, after waiting for a sampler if all are drawing.</summary>
    /// <exception cref="OperationCanceledException">The draw was cancelled, waiting or drawing.</exception>
    /// <exception cref="ObjectDisposedException">The pool has been disposed, perhaps while the draw waited.</exception>
    public float[] Sample(int count, ulong seed, ReadOnlySpan<int> classes = default, int first = 0, CancellationToken cancellation = default)
    {
        ImageSampler sampler = Rent(cancellation);
        try
        {
            return sampler.Sample(count, seed, classes, first, cancellation);
        }
        finally
        {
            Return(sampler);
        }
    }

    /// <summary>Draws bytes as <see cref="ImageSampler.SampleBytes(int, ulong, ReadOnlySpan{int}, int, CancellationToken)"/> does, on the calling thread.</summary>
    /// <exception cref="ArithmeticException">An image has pixels that are not finite.</exception>
    /// <exception cref="OperationCanceledException">The draw was cancelled, waiting or drawing.</exception>
    /// <exception cref="ObjectDisposedException">The pool has been disposed, perhaps while the draw waited.</exception>
    public byte[] SampleBytes(int count, ulong seed, ReadOnlySpan<int> classes = default, int first = 0, CancellationToken cancellation = default)
    {
        ImageSampler sampler = Rent(cancellation);
        try
        {
            return sampler.SampleBytes(count, seed, classes, first, cancellation);
        }
        finally
        {
            Return(sampler);
        }
    }

    /// <summary>As <see cref="Sample"/>, but no thread waits for a sampler, and a thread of the thread pool draws.</summary>
    /// <exception cref="OperationCanceledException">The draw was cancelled, waiting or drawing.</exception>
    /// <exception cref="ObjectDisposedException">The pool has been disposed, perhaps while the draw waited.</exception>
    public Task<float[]> SampleAsync(int count, ulong seed, ReadOnlyMemory<int> classes = default, int first = 0, CancellationToken cancellation = default) =>
        UseAsync(sampler => sampler.Sample(count, seed, classes.Span, first, cancellation), cancellation);

    /// <summary>As <see cref="SampleBytes"/>, but no thread waits for a sampler, and a thread of the thread pool draws.</summary>
    /// <exception cref="ArithmeticException">An image has pixels that are not finite.</exception>
    /// <exception cref="OperationCanceledException">The draw was cancelled, waiting or drawing.</exception>
    /// <exception cref="ObjectDisposedException">The pool has been disposed, perhaps while the draw waited.</exception>
    public Task<byte[]> SampleBytesAsync(int count, ulong seed, ReadOnlyMemory<int> classes = default, int first = 0, CancellationToken cancellation = default) =>
        UseAsync(sampler => sampler.SampleBytes(count, seed, classes.Span, first, cancellation), cancellation);

    /// <summary>
    /// Refuses new draws and those that wait, waits for those under way, and releases the samplers, and the model if the pool loaded it. May be called more than once;
    /// each call returns when all is released.
    /// </summary>
    public void Dispose()
    {
        closing.Cancel();
        lock (disposing)
        {
            if (disposed)
                return;
            for (int i = 0; i < Size; i++)
                slots.Wait(); // a slot for each draw under way
            foreach (ImageSampler sampler in made)
                sampler.Dispose();
            if (ownsModel)
                Model.Dispose();
            disposed = true;
        }
    }

    private async Task<T> UseAsync<T>(Func<ImageSampler, T> draw, CancellationToken cancellation)
    {
        if (!TryEnter())
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, closing.Token);
            try
            {
                await slots.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (closing.IsCancellationRequested)
            {
                throw new ObjectDisposedException(nameof(SamplerPool));
            }
        }

        return await Task.Run(
            () =>
            {
                ImageSampler sampler = Take();
                try
                {
                    return draw(sampler);
                }
                finally
                {
                    Return(sampler);
                }
            },
            CancellationToken.None).ConfigureAwait(false); // the slot is given back by the draw, so it must run; a cancelled draw ends before its first batch
    }

    /// <summary>Waits for a slot and takes a sampler.</summary>
    private ImageSampler Rent(CancellationToken cancellation)
    {
        if (!TryEnter())
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, closing.Token);
            try
            {
                slots.Wait(either.Token);
            }
            catch (OperationCanceledException) when (closing.IsCancellationRequested)
            {
                throw new ObjectDisposedException(nameof(SamplerPool));
            }
        }

        return Take();
    }

    private bool TryEnter()
    {
        ObjectDisposedException.ThrowIf(closing.IsCancellationRequested, this);
        return slots.Wait(0, CancellationToken.None);
    }

    /// <summary>Takes an idle sampler or makes one; gives the slot back if that fails.</summary>
    private ImageSampler Take()
    {
        try
        {
            ObjectDisposedException.ThrowIf(closing.IsCancellationRequested, this);
            lock (gate)
                if (idle.TryPop(out ImageSampler? sampler))
                    return sampler;
            ImageSampler fresh = create(Model);
            lock (gate)
                if (!made.Add(fresh))
                    throw new InvalidOperationException("the pool's function returned the same sampler twice: it must make a new one at each call");
            return fresh;
        }
        catch
        {
            slots.Release();
            throw;
        }
    }

    private void Return(ImageSampler sampler)
    {
        lock (gate)
            idle.Push(sampler);
        slots.Release();
    }
}

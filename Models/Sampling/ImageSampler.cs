using System.Numerics.Tensors;
using TrigFlowNative.Engine;
using Tensor = TrigFlowNative.Engine.Tensor;

namespace TrigFlowNative.Models;

/// <summary>
/// Draws images from a model, in batches of fixed size whose programs are recorded once. States are kept in units of sigma_data:
/// with u = x_t / sigma_data the network's input is u itself, the ODE is du/dt = F(u, t), and noise is standard normal.
/// </summary>
/// <remarks>
/// Noise is Philox, keyed by the seed and counted by (element, index of the image, draw): a seed gives the same image i,
/// whatever the size of the batch and the number of images. The host waits for the device only to download the images of a batch. One
/// thread at a time may use a sampler: another that comes meanwhile gets an exception. <see cref="SamplerPool"/> serves any number of threads.
/// </remarks>
public abstract partial class ImageSampler : IDisposable
{
    private const int CounterLength = 4;
    private readonly TrigFlowModel model;
    private readonly List<IDisposable> resources = [];
    private readonly int draws;
    private readonly Tensor counters;
    private readonly PinnedUpload counterUpload;
    private readonly PinnedUpload? labelUpload;
    private readonly PinnedDownload download;
    private int drawing; // 1 while a thread draws
    private bool disposed;

    /// <param name="model">The model to sample from.</param>
    /// <param name="batch">Images drawn at a time, at least 1.</param>
    /// <param name="draws">Number of draws of noise for a batch.</param>
    /// <param name="evaluations">Number of evaluations of the network in one program.</param>
    private protected ImageSampler(TrigFlowModel model, int batch, int draws, int evaluations)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        this.model = model;
        this.draws = draws;
        ImageShape = new Shape(batch, Network.Image.H, Network.Image.W, Network.Image.C);
        try
        {
            Labels = Network.LabelCount > 0 ? Keep(Device.CreateTensor(new Shape(evaluations, batch), DType.Int32)) : null;
            counters = Keep(Device.CreateTensor(new Shape(draws, CounterLength), DType.Int32));
            counterUpload = Keep(new PinnedUpload(counters));
            labelUpload = Labels is null ? null : Keep(new PinnedUpload(Labels));
            Denoised = CreateState();
            download = Keep(new PinnedDownload(Denoised));
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>Images drawn at a time.</summary>
    public int Batch => ImageShape.N;

    /// <summary>Number of evaluations of the network for each image.</summary>
    public abstract int Evaluations { get; }

    /// <summary>Height of an image in pixels.</summary>
    public int Height => ImageShape.H;

    /// <summary>Width of an image in pixels.</summary>
    public int Width => ImageShape.W;

    /// <summary>Channels of an image.</summary>
    public int Channels => ImageShape.C;

    /// <summary>Number of classes; 0 for a network without classes.</summary>
    public int LabelCount => Network.LabelCount;

    /// <summary>Names of the classes; empty if the model has none.</summary>
    public IReadOnlyList<string> ClassNames => model.ClassNames;

    /// <summary>Kind of the model.</summary>
    public ModelKind Kind => model.Kind;

    /// <summary>Shape of a batch of images, (batch, H, W, C).</summary>
    private protected Shape ImageShape { get; }

    /// <summary>Device that samples.</summary>
    private protected ComputeDevice Device => model.Weights.Device;

    private NetworkConfig Network => model.Network.Config;

    /// <summary>Class of each image for every evaluation of a program, Int32 (evaluations, batch); null if the network has no classes.</summary>
    private protected Tensor? Labels { get; }

    /// <summary>The denoised images; after the last step, the result.</summary>
    private protected Tensor Denoised { get; }

    /// <summary>Draws images.</summary>
    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="classes">Class of each image, -1 for none; empty if no image has one.</param>
    /// <param name="first">Index of the first image, not negative: images first to first + count - 1 of the seed's sequence are drawn.</param>
    /// <param name="cancellation">Ends the draw before its next batch.</param>
    /// <returns>
    /// (count, H, W, C) in the data's unit, where pixels are in about [-1, 1]; not clipped. Pixels that the model did not keep finite are NaN or infinite, see
    /// <see cref="NonFiniteImages.In"/>.
    /// </returns>
    /// <exception cref="ArgumentException">The network lacks a class, or there is another number of classes than images.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1, or the first index is negative.</exception>
    /// <exception cref="OverflowException">The images have 2^31 values or more.</exception>
    /// <exception cref="OperationCanceledException">The draw was cancelled.</exception>
    /// <exception cref="InvalidOperationException">Another thread is drawing from the sampler.</exception>
    /// <exception cref="ObjectDisposedException">The sampler has been disposed.</exception>
    /// <exception cref="TrigFlowNative.Engine.Cuda.CudaDriverException">The driver reports an error.</exception>
    public float[] Sample(int count, ulong seed, ReadOnlySpan<int> classes = default, int first = 0, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        CheckClasses(count, classes);
        Enter();
        try
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return Draw(count, seed, classes, first, cancellation);
        }
        finally
        {
            Volatile.Write(ref drawing, 0);
        }
    }

    private float[] Draw(int count, ulong seed, ReadOnlySpan<int> classes, int first, CancellationToken cancellation)
    {
        int pixels = (int)(ImageShape.Count / Batch);
        float[] images = GC.AllocateUninitializedArray<float>(checked(count * pixels));
        for (int start = 0; start < count; start += Batch)
        {
            cancellation.ThrowIfCancellationRequested();
            UploadCounters(seed, first + start);
            UploadClasses(classes, start);
            Solve();
            download.Start();
            int length = Math.Min(Batch, count - start) * pixels;
            TensorPrimitives.Multiply(download.Wait()[..length], model.SigmaData, images.AsSpan(start * pixels, length));
        }

        return images;
    }

    /// <summary>
    /// Draws the same images as <see cref="Sample"/> and converts them to bytes: -1 becomes 0, 1 becomes 255, and values beyond are clipped. Parameters and further
    /// exceptions are those of <see cref="Sample"/>.
    /// </summary>
    /// <returns>(count, H, W, C).</returns>
    /// <exception cref="ArithmeticException">An image has pixels that are not finite, which bytes cannot show; the message says how many images have.</exception>
    public byte[] SampleBytes(int count, ulong seed, ReadOnlySpan<int> classes = default, int first = 0, CancellationToken cancellation = default)
    {
        byte[] bytes = SampleBytes(count, seed, out NonFiniteImages nonFinite, classes, first, cancellation);
        return nonFinite.Any ? throw new ArithmeticException(nonFinite.ToString()) : bytes;
    }

    /// <summary>
    /// As <see cref="SampleBytes(int, ulong, ReadOnlySpan{int}, int, CancellationToken)"/>, but tells of images with pixels that are not finite instead of throwing;
    /// NaN and negative infinity become 0, infinity becomes 255.
    /// </summary>
    /// <returns>(count, H, W, C).</returns>
    public byte[] SampleBytes(
        int count, ulong seed, out NonFiniteImages nonFinite, ReadOnlySpan<int> classes = default, int first = 0, CancellationToken cancellation = default)
    {
        float[] images = Sample(count, seed, classes, first, cancellation);
        nonFinite = NonFiniteImages.In(images, count, first);
        return Array.ConvertAll(images, pixel => (byte)Math.Clamp(pixel * 127.5f + 128, 0, 255));
    }

    /// <summary>Releases the sampler's memory, and the model if the sampler loaded it.</summary>
    /// <exception cref="InvalidOperationException">Another thread is drawing from the sampler.</exception>
    public void Dispose()
    {
        Enter();
        try
        {
            Release();
        }
        finally
        {
            Volatile.Write(ref drawing, 0);
        }

        GC.SuppressFinalize(this);
    }

    private void Enter()
    {
        if (Interlocked.CompareExchange(ref drawing, 1, 0) != 0)
            throw new InvalidOperationException("another thread is drawing from the sampler: a sampler serves one thread at a time; SamplerPool serves several");
    }

    /// <summary>Releases everything that was kept, the newest first, since programs use tensors; also what a constructor made before it failed.</summary>
    private protected void Release()
    {
        disposed = true;
        for (int i = resources.Count - 1; i >= 0; i--)
            resources[i].Dispose();
        resources.Clear();
    }

    /// <summary>Takes a batch from noise to <see cref="Denoised"/>.</summary>
    private protected abstract void Solve();

    /// <summary>Throws unless a model is of the kind that a sampler takes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="kind">The kind that is taken.</param>
    /// <param name="other">The sampler for the other kind.</param>
    private protected static void RequireKind(TrigFlowModel model, ModelKind kind, string other)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Kind != kind)
            throw new ArgumentException(WrongKind(model.Kind, other));
    }

    /// <summary>Loads a model of the kind that a sampler takes; the kind is checked before weights are read.</summary>
    /// <exception cref="InvalidFileException">The file's model is of the other kind, or as for <see cref="TrigFlowModel.Load"/>.</exception>
    private protected static TrigFlowModel LoadModel(string path, ComputeDevice device, Precision precision, NetworkConfig? fallback, ModelKind kind, string other)
    {
        ModelKind found = WeightFile.ReadDescription(path, fallback).Description.Kind;
        return found == kind
            ? TrigFlowModel.Load(path, device, precision, fallback)
            : throw new InvalidFileException(path, WrongKind(found, other));
    }

    private static string WrongKind(ModelKind kind, string other) => $"is a {kind.ToString().ToLowerInvariant()} model: {other} draws from it";

    /// <summary>Makes a sampler that owns its model; releases the model if that fails.</summary>
    private protected static T Owning<T>(TrigFlowModel model, Func<TrigFlowModel, T> make)
        where T : ImageSampler
    {
        try
        {
            T sampler = make(model);
            sampler.resources.Insert(0, model); // released last
            return sampler;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private void CheckClasses(int count, ReadOnlySpan<int> classes)
    {
        if (classes.Length != 0 && classes.Length != count)
            throw new ArgumentException($"sampler: {classes.Length} classes for {count} images");
        foreach (int each in classes)
            if (each < -1 || each >= Network.LabelCount)
                throw new ArgumentException($"sampler: class {each} is out of range: the network has {Network.LabelCount} classes");
    }

    /// <summary>Uploads the draw, the index of the batch's first image, and the seed, see <see cref="RandomSource"/>.</summary>
    private void UploadCounters(ulong seed, int first)
    {
        int[] words = new int[draws * CounterLength];
        for (int draw = 0; draw < draws; draw++)
            ((ReadOnlySpan<int>)[draw, first, (int)(uint)seed, (int)(uint)(seed >> 32)]).CopyTo(words.AsSpan(draw * CounterLength));
        counterUpload.Write<int>(words);
    }

    private void UploadClasses(ReadOnlySpan<int> classes, int start)
    {
        if (labelUpload is null)
            return;
        int[] batches = new int[Labels!.Count];
        for (int i = 0; i < batches.Length; i++)
            batches[i] = start + i % Batch < classes.Length ? classes[start + i % Batch] : -1;
        labelUpload.Write<int>(batches);
    }
}

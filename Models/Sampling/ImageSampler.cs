using System.Numerics.Tensors;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Tensor = TrigFlowNative.Engine.Tensor;

namespace TrigFlowNative.Models;

/// <summary>
/// Draws images from a model, in batches of fixed size whose programs are recorded once. States are kept in units of sigma_data:
/// with u = x_t / sigma_data the network's input is u itself, the ODE is du/dt = F(u, t), and noise is standard normal.
/// </summary>
/// <remarks>
/// Noise is Philox, keyed by the seed and counted by (element, index of the image, draw): a seed gives the same image i,
/// whatever the size of the batch and the number of images. The host waits for the device only to download the images of a batch. One
/// thread at a time may use a sampler.
/// </remarks>
public abstract class ImageSampler : IDisposable
{
    private const int CounterLength = 4;
    private readonly TrigFlowModel model;
    private readonly List<IDisposable> resources = [];
    private readonly int draws;
    private readonly Tensor counters;
    private readonly PinnedUpload counterUpload;
    private readonly PinnedUpload? labelUpload;
    private readonly PinnedDownload download;

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
        Labels = Network.LabelCount > 0 ? Keep(Device.CreateTensor(new Shape(evaluations, batch), DType.Int32)) : null;
        counters = Keep(Device.CreateTensor(new Shape(draws, CounterLength), DType.Int32));
        counterUpload = Keep(new PinnedUpload(counters));
        labelUpload = Labels is null ? null : Keep(new PinnedUpload(Labels));
        Denoised = CreateState();
        download = Keep(new PinnedDownload(Denoised));
    }

    /// <summary>Images drawn at a time.</summary>
    public int Batch => ImageShape.N;

    /// <summary>Number of evaluations of the network for each image.</summary>
    public abstract int Evaluations { get; }

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
    /// <returns>(count, H, W, C) in the data's unit, where pixels are in about [-1, 1]; not clipped.</returns>
    /// <exception cref="ArgumentException">The network lacks a class, or there is another number of classes than images.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1, or the first index is negative.</exception>
    /// <exception cref="OverflowException">The images have 2^31 values or more.</exception>
    /// <exception cref="ObjectDisposedException">The sampler has been disposed.</exception>
    /// <exception cref="TrigFlowNative.Engine.Cuda.CudaDriverException">The driver reports an error.</exception>
    public float[] Sample(int count, ulong seed, ReadOnlySpan<int> classes = default, int first = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        CheckClasses(count, classes);
        int pixels = (int)(ImageShape.Count / Batch);
        float[] images = GC.AllocateUninitializedArray<float>(checked(count * pixels));
        for (int start = 0; start < count; start += Batch)
        {
            UploadCounters(seed, first + start);
            UploadClasses(classes, start);
            Solve();
            download.Start();
            int length = Math.Min(Batch, count - start) * pixels;
            TensorPrimitives.Multiply(download.Wait()[..length], model.SigmaData, images.AsSpan(start * pixels, length));
        }

        return images;
    }

    /// <summary>Draws the same images as <see cref="Sample"/> and converts them to bytes: -1 becomes 0, 1 becomes 255, and values beyond are clipped.</summary>
    /// <returns>(count, H, W, C).</returns>
    /// <exception cref="ArgumentException">The network lacks a class, or there is another number of classes than images.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1, or the first index is negative.</exception>
    /// <exception cref="OverflowException">The images have 2^31 values or more.</exception>
    /// <exception cref="ObjectDisposedException">The sampler has been disposed.</exception>
    /// <exception cref="TrigFlowNative.Engine.Cuda.CudaDriverException">The driver reports an error.</exception>
    public byte[] SampleBytes(int count, ulong seed, ReadOnlySpan<int> classes = default, int first = 0) =>
        Array.ConvertAll(Sample(count, seed, classes, first), pixel => (byte)Math.Clamp(pixel * 127.5f + 128, 0, 255));

    /// <summary>Releases the sampler's memory, and the model if the sampler loaded it.</summary>
    public void Dispose()
    {
        foreach (IDisposable resource in resources)
            resource.Dispose();
        resources.Clear();
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes a batch from noise to <see cref="Denoised"/>.</summary>
    private protected abstract void Solve();

    /// <summary>Creates a tensor of the shape of a batch of images, released with the sampler.</summary>
    private protected Tensor CreateState() => Keep(Device.CreateTensor(ImageShape));

    /// <summary>Creates a tensor (rows, batch), released with the sampler.</summary>
    private protected Tensor CreateRows(int rows) => Keep(Device.CreateTensor(new Shape(rows, Batch)));

    /// <summary>Row i of a tensor of <see cref="CreateRows"/>, as (batch).</summary>
    private protected Tensor Row(Tensor rows, int i) => rows.Slice((long)i * Batch, new Shape(Batch));

    /// <summary>Values for a tensor of <see cref="CreateRows"/>: each fills a row.</summary>
    private protected float[] Repeated(params ReadOnlySpan<double> values)
    {
        float[] rows = new float[values.Length * Batch];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = (float)values[i / Batch];
        return rows;
    }

    /// <summary>Records and compiles a program, released with the sampler.</summary>
    private protected ComputeProgram Record(Action<ComputeProgram> emit)
    {
        ComputeProgram program = Keep(new ComputeProgram(Device));
        emit(program);
        program.Compile();
        return program;
    }

    /// <summary>Records the layers that depend on the conditions alone, for all evaluations of a program at once.</summary>
    /// <param name="program">The program.</param>
    /// <param name="times">Times (evaluations, batch) in radians.</param>
    /// <param name="labels">Classes, Int32 (evaluations, batch), or null.</param>
    /// <param name="scalars">Further conditions by name, each (evaluations, batch).</param>
    /// <returns>A function that records F of u (batch, H, W, C) under the conditions of evaluation i.</returns>
    private protected Func<Tensor, int, Tensor> RecordNetwork(
        ComputeProgram program, Tensor times, Tensor? labels, IReadOnlyDictionary<string, Tensor>? scalars = null)
    {
        var conditions = new NetworkConditions(Flat(times), labels is null ? null : Flat(labels))
        {
            Scalars = (scalars ?? new Dictionary<string, Tensor>()).ToDictionary(scalar => scalar.Key, scalar => Flat(scalar.Value)),
        };
        IReadOnlyList<Tensor> all = model.Network.Condition(program, model.Weights, conditions);
        return (u, i) => model.Network.Forward(program, model.Weights, u, [.. all.Select(each => RowsOf(each, i))]);

        static Tensor Flat(Tensor rows) => rows.Reshape(rows.Count);
    }

    /// <summary>The rows of evaluation i.</summary>
    private Tensor RowsOf(Tensor rows, int i)
    {
        int[] extents = rows.Shape.ToArray();
        long width = rows.Count / extents[0];
        extents[0] = Batch;
        return rows.Slice(i * Batch * width, new Shape(extents));
    }

    /// <summary>Records a step that fills a tensor with a draw of standard normal noise; each run takes its seed from the uploaded counters.</summary>
    private protected void RecordNoise(ComputeProgram program, int draw, Tensor target)
    {
        Tensor counter = counters.Slice((long)draw * CounterLength, new Shape(CounterLength));
        RandomNormal.Into(program, target, new RandomSource(0, RandomPurpose.SamplingNoise, counter), 1);
    }

    /// <summary>Keeps a resource until the sampler is disposed.</summary>
    private protected T Keep<T>(T resource)
        where T : IDisposable
    {
        resources.Add(resource);
        return resource;
    }

    /// <summary>Makes a sampler that owns its model; releases the model if that fails.</summary>
    private protected static T Owning<T>(TrigFlowModel model, Func<TrigFlowModel, T> make)
        where T : ImageSampler
    {
        try
        {
            T sampler = make(model);
            sampler.Keep(model);
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

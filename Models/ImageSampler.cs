using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Draws images from a model, in batches of fixed size whose programs are recorded once. States are kept in units of sigma_data:
/// with u = x_t / sigma_data the network's input is u itself, the ODE is du/dt = F(u, t), and noise is standard normal.
/// </summary>
/// <remarks>
/// Noise is Philox, keyed by the seed and counted by (element, index of the image, step): the same seed gives the same image i,
/// whatever the size of the batch and the number of images. Nothing waits for the device but the download of a batch's images. Not
/// for use by several threads at once.
/// </remarks>
public abstract class ImageSampler : IDisposable
{
    private readonly SampledNetwork network;
    private readonly Shape shape;
    private readonly List<IDisposable> resources = [];
    private readonly Tensor counter, coefficients;
    private readonly Tensor? labels;
    private readonly PinnedUpload counterUpload, coefficientUpload;
    private readonly PinnedUpload? labelUpload;
    private (ulong Seed, ComputeProgram Program)? noise;

    private protected ImageSampler(SampledNetwork network, int batch, int coefficientCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        this.network = network;
        shape = new Shape(batch, network.Image.H, network.Image.W, network.Image.C);
        labels = network.LabelCount > 0 ? Keep(network.Device.CreateTensor(new Shape(batch), DType.Int32)) : null;
        counter = Keep(network.Device.CreateTensor(new Shape(2), DType.Int32));
        coefficients = Keep(network.Device.CreateTensor(new Shape(coefficientCount, batch)));
        counterUpload = Keep(new PinnedUpload(counter));
        coefficientUpload = Keep(new PinnedUpload(coefficients));
        labelUpload = labels is null ? null : Keep(new PinnedUpload(labels));
        Noise = CreateState();
        Denoised = CreateState();
        State = CreateState();
    }

    /// <summary>Images drawn at a time.</summary>
    public int Batch => shape.N;

    /// <summary>Evaluations of the network for each image.</summary>
    public abstract int Evaluations { get; }

    /// <summary>The noise drawn last, standard normal.</summary>
    private protected Tensor Noise { get; }

    /// <summary>The current u_t.</summary>
    private protected Tensor State { get; }

    /// <summary>The denoised image; after the last step, the result.</summary>
    private protected Tensor Denoised { get; }

    /// <summary>Draws images.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">Key of the noise.</param>
    /// <param name="classes">The class of each image, -1 for none; empty for no classes at all.</param>
    /// <param name="first">Index of the first image: images first to first + count - 1 of the seed's sequence are drawn.</param>
    /// <returns>(count, H, W, C) in the data's unit, pixels of about [-1, 1], not clipped.</returns>
    /// <exception cref="ArgumentException">A class is none of the network's, or there are not as many as images.</exception>
    public float[] Sample(int count, ulong seed, ReadOnlySpan<int> classes = default, int first = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        CheckClasses(count, classes);
        int pixels = (int)(shape.Count / Batch);
        float[] images = new float[checked(count * pixels)];
        float[] drawn = new float[shape.Count];
        ComputeProgram draw = NoiseOf(seed);
        for (int start = 0; start < count; start += Batch)
        {
            int[] words = [0, first + start];
            UploadClasses(classes, start);
            Solve(step =>
            {
                words[0] = step;
                counterUpload.Write<int>(words);
                draw.Run();
            });
            Denoised.Download<float>(drawn);
            for (int i = 0; i < Math.Min(Batch, count - start) * pixels; i++)
                images[start * pixels + i] = network.SigmaData * drawn[i];
        }

        return images;
    }

    /// <summary>As <see cref="Sample"/>, as bytes: -1 becomes 0 and 1 becomes 255, values beyond are clipped.</summary>
    /// <returns>(count, H, W, C).</returns>
    public byte[] SampleBytes(int count, ulong seed, ReadOnlySpan<int> classes = default, int first = 0) =>
        Array.ConvertAll(Sample(count, seed, classes, first), pixel => (byte)Math.Clamp(pixel * 127.5f + 128, 0, 255));

    /// <summary>Releases the sampler's memory, and the model if the sampler has loaded it.</summary>
    public void Dispose()
    {
        foreach (IDisposable resource in resources)
            resource.Dispose();
        resources.Clear();
        noise?.Program.Dispose();
        noise = null;
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes a batch from noise to <see cref="Denoised"/>.</summary>
    /// <param name="drawNoise">Fills <see cref="Noise"/>; takes the index of the step, which must differ from draw to draw.</param>
    private protected abstract void Solve(Action<int> drawNoise);

    /// <summary>A tensor like a batch of images, released with the sampler.</summary>
    private protected Tensor CreateState() => Keep(network.Device.CreateTensor(shape));

    /// <summary>Records a program, released with the sampler.</summary>
    private protected ComputeProgram Record(Action<ComputeProgram> emit)
    {
        ComputeProgram program = Keep(new ComputeProgram(network.Device));
        emit(program);
        program.Compile();
        return program;
    }

    /// <summary>Coefficient i as a tensor (batch).</summary>
    private protected Tensor Coefficient(int i) => coefficients.Slice((long)i * Batch, new Shape(Batch));

    /// <summary>Sets all coefficients, the same for every image of the batch.</summary>
    private protected void SetCoefficients(params ReadOnlySpan<double> values)
    {
        float[] rows = new float[coefficients.Count];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = (float)values[i / Batch];
        coefficientUpload.Write<float>(rows);
    }

    /// <summary>Records F(State, t), with the classes that are asked for or with none.</summary>
    private protected Tensor RecordNetwork(ComputeProgram program, Tensor t, bool withClasses = true)
    {
        if (labels is null || withClasses)
            return network.Record(program, State, t, labels);
        Tensor none = Keep(network.Device.CreateTensor(labels.Shape, DType.Int32));
        none.Upload<int>([.. Enumerable.Repeat(-1, Batch)]);
        return network.Record(program, State, t, none);
    }

    /// <summary>Makes a sampler that releases the model it was made for.</summary>
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

    /// <summary>The program that fills <see cref="Noise"/>; kernels hold the seed, so another one needs another program.</summary>
    private ComputeProgram NoiseOf(ulong seed)
    {
        if (noise is { } known && known.Seed == seed)
            return known.Program;
        noise?.Program.Dispose();
        var program = new ComputeProgram(network.Device);
        RandomNormal.Into(program, Noise, new RandomSource(seed, RandomPurposes.SamplingNoise, counter), 1);
        noise = (seed, program);
        return program;
    }

    private T Keep<T>(T resource)
        where T : IDisposable
    {
        resources.Add(resource);
        return resource;
    }

    private void CheckClasses(int count, ReadOnlySpan<int> classes)
    {
        if (classes.Length != 0 && classes.Length != count)
            throw new ArgumentException($"sampler: {classes.Length} classes for {count} images");
        foreach (int each in classes)
            if (each < -1 || each >= network.LabelCount)
                throw new ArgumentException($"sampler: class {each} is none of the network's {network.LabelCount}");
    }

    private void UploadClasses(ReadOnlySpan<int> classes, int start)
    {
        if (labelUpload is null)
            return;
        int[] batch = new int[Batch];
        for (int i = 0; i < Batch; i++)
            batch[i] = start + i < classes.Length ? classes[start + i] : -1;
        labelUpload.Write<int>(batch);
    }
}

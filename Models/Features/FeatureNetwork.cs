using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// What networks of features share: a program for images of one size, recorded at the first use and run for each batch. A last batch that is not full is filled up
/// with black images.
/// </summary>
internal abstract class FeatureNetwork : IFeatureNetwork
{
    private readonly ComputeDevice device;
    private readonly FeatureInput input;
    private readonly Tensor scale, shift;
    private Recorded? recorded;

    /// <param name="device">Device that computes.</param>
    /// <param name="input">The input.</param>
    /// <param name="options">The user's choices.</param>
    protected FeatureNetwork(ComputeDevice device, FeatureInput input, FeatureOptions options)
    {
        (this.device, this.input) = (device, input);
        Batch = options.BatchOn(device);
        Arithmetic = FeatureOptions.Describe(options.ArithmeticOn(device));
        (scale, shift) = input.Upload(device);
    }

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public string Input => input.Words;

    /// <inheritdoc/>
    public string Arithmetic { get; }

    /// <inheritdoc/>
    public abstract IReadOnlyList<FeatureSpec> Outputs { get; }

    /// <inheritdoc/>
    public int Batch { get; private set; }

    /// <summary>Memory of the recorded program in bytes, weights apart; 0 before the first use.</summary>
    internal long ProgramBytes => recorded?.Bytes ?? 0;

    /// <inheritdoc/>
    public void Compute(ReadOnlySpan<byte> images, int count, int height, int width, int channels, FeatureBatch into)
    {
        ArgumentNullException.ThrowIfNull(into);
        if (channels is not (1 or ImageResize.Channels) || height < 1 || width < 1 || images.Length != (long)count * height * width * channels || into.Count != count)
            throw new ArgumentException($"{Name}: {images.Length} bytes and room for {into.Count} rows; wanted {count} images of {height} x {width} x {channels}, of 1 or 3 channels");
        foreach (FeatureSpec kind in into.Kinds)
            if (!Outputs.Contains(kind))
                throw new ArgumentException($"{Name} has no features '{kind.Name}' of {kind.Width} numbers, only {string.Join(", ", Outputs.Select(each => each.Name))}");
        int pixels = height * width * channels;
        for (int done = 0; done < count;)
        {
            Recorded program = ProgramFor(count - done, height, width, channels);
            int taken = Math.Min(program.Count, count - done);
            program.Run(images.Slice(done * pixels, taken * pixels), done, taken, into);
            done += taken;
        }
    }

    /// <summary>Releases weights and programs.</summary>
    public virtual void Dispose()
    {
        recorded?.Dispose();
        scale.Dispose();
        shift.Dispose();
    }

    /// <summary>Records the conversion of bytes to the network's input.</summary>
    internal Tensor RecordInput(ComputeProgram program, Tensor bytes, Shape images) => input.Record(program, bytes, images, scale, shift);

    /// <summary>Records the network.</summary>
    /// <param name="program">Program that records it.</param>
    /// <param name="x">(N, Size, Size, 3).</param>
    /// <returns>The rows of each of <see cref="Outputs"/>, in their order.</returns>
    protected abstract IReadOnlyList<Tensor> Record(ComputeProgram program, Tensor x);

    /// <summary>The program for images of these extents, with half the batch as long as memory does not suffice.</summary>
    private Recorded ProgramFor(int count, int height, int width, int channels)
    {
        var image = new Shape(1, height, width, channels);
        if (recorded is not null && recorded.Image == image && recorded.Count >= Math.Min(count, Batch))
            return recorded;
        recorded?.Dispose();
        recorded = null;
        for (; Batch > 1; Batch /= 2)
        {
            try
            {
                return recorded = new Recorded(this, image, Math.Min(count, Batch));
            }
            catch (Exception e) when (e is MemoryLimitException or TensorLimitException)
            {
                // Half of it may do.
            }
        }

        return recorded = new Recorded(this, image, 1);
    }

    private sealed class Recorded : IDisposable
    {
        private readonly ComputeProgram program;
        private readonly List<Tensor> owned = [];
        private readonly Tensor bytes;
        private readonly Dictionary<string, (Tensor Rows, float[] Host)> outputs = new(StringComparer.Ordinal);
        private readonly int[] words;

        public Recorded(FeatureNetwork network, Shape image, int count)
        {
            (Image, Count) = (image, count);
            program = new ComputeProgram(network.device);
            try
            {
                var images = new Shape(count, image.H, image.W, image.C);
                words = new int[ImageResize.Words(images.Count)];
                bytes = Own(network.device.CreateTensor(new Shape(words.Length), DType.Int32));
                IReadOnlyList<Tensor> rows = network.Record(program, network.RecordInput(program, bytes, images));
                foreach ((FeatureSpec kind, Tensor values) in network.Outputs.Zip(rows))
                {
                    Tensor kept = Own(network.device.CreateTensor(values.Shape));
                    Copy.Into(program, values, kept);
                    outputs.Add(kind.Name, (kept, new float[kept.Count]));
                }

                program.Compile();
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public Shape Image { get; }

        public int Count { get; }

        public long Bytes => program.ArenaBytes + owned.Sum(tensor => (long)tensor.Count * tensor.Type.SizeInBytes());

        public void Run(ReadOnlySpan<byte> images, int first, int taken, FeatureBatch into)
        {
            Span<byte> target = System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan());
            images.CopyTo(target);
            target[images.Length..].Clear();
            bytes.Upload<int>(words);
            program.Run();
            foreach (FeatureSpec kind in into.Kinds)
            {
                (Tensor rows, float[] host) = outputs[kind.Name];
                rows.Download<float>(host);
                host.AsSpan(0, taken * kind.Width).CopyTo(into[kind.Name].AsSpan(first * kind.Width));
            }
        }

        public void Dispose()
        {
            program.Dispose();
            owned.ForEach(tensor => tensor.Dispose());
        }

        private Tensor Own(Tensor tensor)
        {
            owned.Add(tensor);
            return tensor;
        }
    }
}

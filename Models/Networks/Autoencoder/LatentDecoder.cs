using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// The decoder of a latent diffusion autoencoder (arXiv:2112.10752), such as the Stable Diffusion VAE: raw latents to pictures. The file is the user's own, of any
/// widths, under the names of diffusers or CompVis; its encoder is passed over.
/// </summary>
/// <remarks>
/// A few pictures are decoded at a time: four on a GPU, or fewer if memory does not suffice, one on the host. Each of 512x512 takes 640 MiB in fp32 at the widths of the Stable
/// Diffusion VAE, beside weights of 188 MiB. One thread at a time may use a decoder.
/// </remarks>
public sealed class LatentDecoder : IDisposable
{
    private const int BatchOnGpu = 4;
    private readonly DecoderConfig config;
    private readonly DecoderNetwork network;
    private readonly ParameterSlab weights;
    private Recorded? recorded;

    private LatentDecoder(DecoderConfig config, DecoderNetwork network, ParameterSlab weights) =>
        (this.config, this.network, this.weights) = (config, network, weights);

    /// <summary>Channels of a latent.</summary>
    public int Channels => config.LatentChannels;

    /// <summary>Number of pixels a side that a latent's pixel becomes: 8 for the Stable Diffusion VAE.</summary>
    public int Scale => config.Scale;

    /// <summary>Number of weights.</summary>
    public long ParameterCount => weights.ParameterCount;

    /// <summary>Reads a decoder.</summary>
    /// <param name="path">
    /// A safetensors file of fp32, fp16 or bf16 under the names of diffusers, old or new, or of CompVis, perhaps with the prefix first_stage_model. of a whole checkpoint.
    /// </param>
    /// <param name="device">Device that decodes.</param>
    /// <param name="precision">Precision of activations.</param>
    /// <exception cref="ArgumentException">The path is empty, or the device has no kernels for the precision.</exception>
    /// <exception cref="InvalidFileException">The file is malformed, or a tensor is missing, unknown, of another shape or not finite.</exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public static LatentDecoder Load(string path, ComputeDevice device, Precision precision = Precision.Auto)
    {
        ArgumentNullException.ThrowIfNull(device);
        DType activations = precision.ActivationsOn(device);
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        (DecoderConfig config, DecoderNetwork network, Dictionary<string, SafetensorsEntry> entries) = DecoderFile.Describe(file);
        file.VerifyChecksum();
        ParameterSlab weights = network.CreateSlab(device, activations);
        try
        {
            DecoderFile.Read(file, network, entries, weights);
            if (weights.ComputeValues is { } rounded)
            {
                using var program = new ComputeProgram(device);
                Cast.Into(program, weights.Values, rounded);
                program.Run();
            }

            return new LatentDecoder(config, network, weights);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Decodes raw latents.</summary>
    /// <param name="latents">(N, H, W, C), unscaled, as the autoencoder's encoder gives them.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    /// <returns>(N, s H, s W, 3) with s = <see cref="Scale"/>, in the range of the pixels that the autoencoder was given.</returns>
    /// <exception cref="ArgumentException">The latents do not fall into images of these extents, or one image has 2^31 values or more.</exception>
    /// <exception cref="MemoryLimitException">The device has not the memory for one image.</exception>
    /// <exception cref="OverflowException">The pictures have 2^31 values or more.</exception>
    public float[] Decode(ReadOnlySpan<float> latents, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        int from = checked(height * width * Channels), to = checked(height * Scale * width * Scale * config.ImageChannels);
        if (latents.Length % from != 0)
            throw new ArgumentException($"decoder: {latents.Length} numbers are not latents of {height}x{width}x{Channels}");
        int count = latents.Length / from;
        float[] pictures = GC.AllocateUninitializedArray<float>(checked(count * to));
        for (int done = 0; done < count;)
        {
            Recorded program = ProgramFor(height, width, count - done);
            int taken = Math.Min(program.Batch, count - done);
            program.Run(latents.Slice(done * from, taken * from), pictures.AsSpan(done * to, taken * to));
            done += taken;
        }

        return pictures;
    }

    /// <summary>Decodes values of a model into pixels.</summary>
    /// <param name="values">(N, H, W, C), as a model of latents draws them.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    /// <param name="space">The latents' space, which must be of this decoder's autoencoder.</param>
    /// <returns>(N, s H, s W, 3), 0 to 255; values that are not finite become 0 or 255.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Decode"/>, or the space has other channels.</exception>
    /// <exception cref="MemoryLimitException">The device has not the memory for one image.</exception>
    /// <exception cref="OverflowException">The pictures have 2^31 values or more.</exception>
    public byte[] DecodeToPixels(ReadOnlySpan<float> values, int height, int width, LatentSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        if (space.Channels != Channels)
            throw new ArgumentException($"decoder: its latents have {Channels} channels, but {space} has {space.Channels}");
        float[] raw = new float[values.Length];
        for (int i = 0; i < raw.Length; i++)
            raw[i] = space.ToRaw(values[i], i % Channels);
        return Array.ConvertAll(Decode(raw, height, width), space.ToPixel);
    }

    /// <summary>Releases weights and programs.</summary>
    public void Dispose()
    {
        recorded?.Dispose();
        weights.Dispose();
    }

    /// <summary>The program for images of these extents, with half the batch as long as memory does not suffice.</summary>
    private Recorded ProgramFor(int height, int width, int count)
    {
        if (recorded is not null && (recorded.Height, recorded.Width) == (height, width))
            return recorded;
        recorded?.Dispose();
        recorded = null;
        for (int batch = Math.Min(count, weights.Device is GpuDevice ? BatchOnGpu : 1); batch > 1; batch /= 2)
        {
            try
            {
                return recorded = new Recorded(network, weights, batch, height, width);
            }
            catch (Exception e) when (e is MemoryLimitException or ArgumentException or OverflowException)
            {
                // Half of it may do.
            }
        }

        return recorded = new Recorded(network, weights, batch: 1, height, width);
    }

    /// <summary>The decoder's program for images of one size.</summary>
    private sealed class Recorded : IDisposable
    {
        private readonly ComputeProgram program;
        private readonly Tensor input, output;
        private readonly float[] latents, pictures;

        public Recorded(DecoderNetwork network, ParameterSlab weights, int batch, int height, int width)
        {
            (Batch, Height, Width) = (batch, height, width);
            Tensor? made = null, result = null;
            program = new ComputeProgram(weights.Device);
            try
            {
                int channels = weights["post_quant_conv.bias"].Value.Count;
                input = made = weights.Device.CreateTensor(new Shape(batch, height, width, channels));
                Tensor decoded = network.Forward(program, weights, input);
                output = result = weights.Device.CreateTensor(decoded.Shape);
                Copy.Into(program, decoded, output);
                program.Compile();
            }
            catch
            {
                program.Dispose();
                made?.Dispose();
                result?.Dispose();
                throw;
            }

            latents = new float[input.Count];
            pictures = new float[output.Count];
        }

        public int Batch { get; }

        public int Height { get; }

        public int Width { get; }

        /// <summary>Decodes at most as many images as the batch has.</summary>
        public void Run(ReadOnlySpan<float> values, Span<float> target)
        {
            values.CopyTo(latents);
            input.Upload<float>(latents);
            program.Run();
            output.Download<float>(pictures);
            pictures.AsSpan(0, target.Length).CopyTo(target);
        }

        public void Dispose()
        {
            program.Dispose();
            input.Dispose();
            output.Dispose();
        }
    }
}

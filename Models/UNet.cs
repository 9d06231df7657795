using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// The DDPM++ U-Net as TrigFlow uses it: F_theta(x, t) with an identity time transform, positional time embedding and adaptive
/// double normalisation (arXiv:2410.11081, section 4.1; layers and names of arXiv:2206.00364). Architecture only: the weights
/// are given to <see cref="Forward"/>, so teacher, student and average are slabs of one <see cref="Layout"/>.
/// </summary>
public sealed class UNet
{
    private const float NearZero = 1e-5f;
    private readonly LinearLayer? mapLabel;
    private readonly LinearLayer mapLayer0, mapLayer1, affine;
    private readonly Conv2dLayer stem, head;
    private readonly NormLayer headNorm;
    private readonly List<UNetBlock> encoder = [];
    private readonly List<(UNetBlock Block, bool TakesSkip)> decoder = [];

    /// <summary>Lays out the network.</summary>
    /// <exception cref="ArgumentException">The configuration is out of range, or a norm's groups don't divide its channels.</exception>
    public UNet(UNetConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
        int channels = config.ModelChannels, embedding = channels * config.ChannelMultEmb;
        mapLabel = config.LabelCount > 0 ? new LinearLayer("map_label", config.LabelCount, channels) : null;
        mapLayer0 = new LinearLayer("map_layer0", channels, embedding);
        mapLayer1 = new LinearLayer("map_layer1", embedding, embedding);
        stem = new Conv2dLayer($"enc.{Level(0)}_conv", config.ImageChannels, channels);
        int last = BuildDecoder(BuildEncoder(embedding), embedding);
        headNorm = new NormLayer($"dec.{Level(0)}_aux_norm", last);
        head = new Conv2dLayer($"dec.{Level(0)}_aux_conv", last, config.ImageChannels, NearZero);
        affine = new LinearLayer(UNetBlock.Affine, embedding, Blocks.Sum(block => block.ModulationChannels)) { IsRounded = true };
        Parameters = [.. AllParameters()];
    }

    /// <summary>The shape of the network.</summary>
    public UNetConfig Config { get; }

    /// <summary>Names and shapes in memory of all parameters, in the order of EDM's state dict.</summary>
    public IEnumerable<(string Name, Shape Shape)> Layout => Parameters.Select(parameter => (parameter.Name, parameter.Shape));

    /// <summary>
    /// What a slab of the network holds together: the affine layers of all blocks, which have one input, so that one product makes all
    /// modulations.
    /// </summary>
    public IReadOnlyList<JoinedParameters> Joined =>
    [
        .. from kind in (string[])["weight", "bias"]
           select new JoinedParameters($"{UNetBlock.Affine}.{kind}", [.. Blocks.Select(block => $"{block.Name}.{UNetBlock.Affine}.{kind}")]),
    ];

    /// <summary>Trained numbers.</summary>
    public long ParameterCount => Parameters.Sum(parameter => parameter.Shape.Count);

    /// <summary>
    /// Floating-point operations of a forward pass for one image: 2 for each multiplication in convolutions, matrices and
    /// attention; normalisation and activation are not counted.
    /// </summary>
    public long ForwardFlops
    {
        get
        {
            long pixels = (long)Config.Resolution * Config.Resolution;
            long sum = mapLayer0.MultiplyAdds(1) + mapLayer1.MultiplyAdds(1) + stem.MultiplyAdds(pixels) + head.MultiplyAdds(pixels);
            return 2 * (sum + Blocks.Sum(block => block.MultiplyAdds));
        }
    }

    /// <summary>All parameters, in the order of EDM's state dict.</summary>
    internal IReadOnlyList<ParameterSpec> Parameters { get; }

    private IEnumerable<UNetBlock> Blocks => encoder.Concat(decoder.Select(entry => entry.Block));

    /// <summary>A slab for this network's parameters, zeroed.</summary>
    /// <param name="device">Where the network runs.</param>
    /// <param name="withGradients">Whether it is trained.</param>
    /// <param name="rounded">Whether it runs with bf16 activations, see <see cref="Forward"/>: the slab then holds a bf16 copy too.</param>
    public ParameterSlab CreateSlab(ComputeDevice device, bool withGradients = false, bool rounded = false) =>
        new(device, Layout, withGradients, rounded, Joined);

    /// <summary>
    /// Fills a slab with initial weights: Xavier uniform; conv1, proj and aux_conv times 1e-5, qkv times sqrt(0.2); biases 0,
    /// norm weights 1 (arXiv:2206.00364, appendix F.1, for DDPM++). The same on every device.
    /// </summary>
    public void Initialise(ParameterSlab weights, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(weights);
        for (int i = 0; i < Parameters.Count; i++)
            weights[Parameters[i].Name].Value.Upload<float>(Parameters[i].InitialValues(seed, i));
        RoundedWeights.Refresh(weights);
    }

    /// <summary>Records F_theta(x, t). With x and t dual the output is dual: F and its derivative along the tangents in one pass.</summary>
    /// <remarks>
    /// The slab decides the precision: over one with rounded values images are stored in bf16 from the first convolution to the
    /// last and multiplied with these values; the time embedding, all sums, x, t and F stay fp32.
    /// </remarks>
    /// <param name="program">Program that records the network.</param>
    /// <param name="weights">
    /// A slab of this network's <see cref="Layout"/> and <see cref="Joined"/>; gradients flow to it if the program's tape watches it.
    /// </param>
    /// <param name="x">Input (N, H, W, C) of about unit variance: x_t / sigma_data.</param>
    /// <param name="t">Time (N), in [0, pi/2]; dual exactly if x is.</param>
    /// <param name="labels">Int32 (N), -1 for no class; given exactly if the network has classes. Its tangent is zero.</param>
    /// <param name="dropout">Source of the dropout masks, in training: block i draws with the purpose plus i. Null for no dropout.</param>
    /// <returns>(N, H, W, C), fp32.</returns>
    /// <exception cref="ArgumentException">A shape does not fit the configuration, or the slab asks for bf16 where no GPU is.</exception>
    public Tensor Forward(
        ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels = null, RandomSource? dropout = null)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(weights);
        CheckImages(x);
        if (t is null || t.Shape != new Shape(x.Shape.N) || t.HasTangent != x.HasTangent)
            throw new ArgumentException($"unet: t {t} does not fit x {x}: one time per image, and both dual or neither");
        return ForwardModulated(program, weights, x, Modulations(program, weights, t, labels), dropout);
    }

    /// <summary>
    /// Records [pnorm(s) | pnorm(b)] of every block for times (N): all of the network that depends on time and class alone. Rows are
    /// independent, so that those of several evaluations can be made at once.
    /// </summary>
    /// <returns>(N, 2 K) for each block, in order; dual if t is.</returns>
    internal Tensor[] Modulations(ComputeProgram program, ParameterSlab weights, Tensor t, Tensor? labels)
    {
        CheckLabels(t, labels);
        if (weights.Rounded is not null && program.Device is CpuDevice)
            throw new ArgumentException($"unet: the weights are rounded to {DType.BFloat16}, which needs a GPU");
        Tensor all = affine.Apply(program, weights, Embedding(program, weights, t, labels));
        using IDisposable scope = program.Layer(UNetBlock.Affine);
        return PixelNorm.Split(program, all, [.. Blocks.Select(block => block.ModulationChannels)], runs: 2);
    }

    /// <summary>Records F of x under the modulations of its times; parameters as of <see cref="Forward"/>.</summary>
    internal Tensor ForwardModulated(
        ComputeProgram program, ParameterSlab weights, Tensor x, IReadOnlyList<Tensor> modulations, RandomSource? dropout = null)
    {
        CheckImages(x);
        var skips = new Stack<Tensor>();
        int block = 0;
        using (program.Layer("enc"))
        {
            DType storage = weights.Rounded is null ? DType.Float32 : DType.BFloat16;
            skips.Push(x = stem.Apply(program, weights, Cast.Apply(program, x, storage)));
            foreach (UNetBlock each in encoder)
                skips.Push(x = Apply(each, x, null));
        }

        using (program.Layer("dec"))
        {
            foreach ((UNetBlock each, bool takesSkip) in decoder)
            {
                Tensor? skip = takesSkip ? skips.Pop() : null;
                x = Apply(each, x, skip);
            }

            x = head.Apply(program, weights, headNorm.Apply(program, weights, x, silu: true));
            return Cast.Apply(program, x, DType.Float32);
        }

        Tensor Apply(UNetBlock each, Tensor x, Tensor? skip)
        {
            RandomSource? masks = dropout?.For(dropout.Purpose + (uint)block);
            return each.Apply(program, weights, x, skip, modulations[block++], masks, Config.Dropout);
        }
    }

    private Tensor Embedding(ComputeProgram program, ParameterSlab weights, Tensor t, Tensor? labels)
    {
        Tensor embedding;
        using (program.Layer("map_noise"))
            embedding = TimeEmbedding.Apply(program, t, Config.ModelChannels);
        if (mapLabel is not null)
            embedding = Residual.Apply(program, embedding, mapLabel.ApplyToLabels(program, weights, labels!), 1);
        embedding = Silu.Apply(program, mapLayer0.Apply(program, weights, embedding));
        return Silu.Apply(program, mapLayer1.Apply(program, weights, embedding));
    }

    private Stack<int> BuildEncoder(int embedding)
    {
        int channels = Config.ModelChannels;
        var skips = new Stack<int>([channels]);
        for (int level = 0; level < Config.ChannelMult.Length; level++)
        {
            int resolution = Config.Resolution >> level, width = Config.ModelChannels * Config.ChannelMult[level];
            bool attention = Config.AttentionResolutions.Contains(resolution);
            if (level > 0)
                Add(new UNetBlock($"enc.{Level(level)}_down", channels, channels, embedding, resolution, Resampling.Down));
            for (int i = 0; i < Config.BlocksPerLevel; i++)
            {
                Add(new UNetBlock($"enc.{Level(level)}_block{i}", channels, width, embedding, resolution, attention: attention));
                channels = width;
            }
        }

        return skips;

        void Add(UNetBlock block)
        {
            encoder.Add(block);
            skips.Push(block.OutChannels);
        }
    }

    /// <summary>Returns the channels of the last block.</summary>
    private int BuildDecoder(Stack<int> skips, int embedding)
    {
        int channels = skips.Peek(), lowest = Config.ChannelMult.Length - 1;
        for (int level = lowest; level >= 0; level--)
        {
            int resolution = Config.Resolution >> level, width = Config.ModelChannels * Config.ChannelMult[level];
            if (level == lowest)
            {
                Add("in0", channels, attention: true);
                Add("in1", channels);
            }
            else
            {
                Add("up", channels, Resampling.Up);
            }

            bool attends = Config.AttentionResolutions.Contains(resolution);
            for (int i = 0; i <= Config.BlocksPerLevel; i++)
                Add($"block{i}", width, attention: attends && i == Config.BlocksPerLevel, skip: skips.Pop());

            void Add(string name, int outChannels, Resampling resampling = Resampling.None, bool attention = false, int skip = 0)
            {
                string full = $"dec.{Level(level)}_{name}";
                decoder.Add((new UNetBlock(full, channels + skip, outChannels, embedding, resolution, resampling, attention), skip > 0));
                channels = outChannels;
            }
        }

        return channels;
    }

    private string Level(int level) => $"{Config.Resolution >> level}x{Config.Resolution >> level}";

    private IEnumerable<ParameterSpec> AllParameters() =>
    [
        .. mapLabel?.Parameters ?? [], .. mapLayer0.Parameters, .. mapLayer1.Parameters,
        .. stem.Parameters, .. Blocks.SelectMany(block => block.Parameters), .. headNorm.Parameters, .. head.Parameters,
    ];

    private void CheckImages(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Shape != new Shape(x.Shape.N, Config.Resolution, Config.Resolution, Config.ImageChannels))
            throw new ArgumentException($"unet: x {x} is not (N, {Config.Resolution}, {Config.Resolution}, {Config.ImageChannels})");
    }

    private void CheckLabels(Tensor t, Tensor? labels)
    {
        string given = labels is null ? "missing" : "given";
        if (labels is not null != Config.LabelCount > 0)
            throw new ArgumentException($"unet: labels are {given}, the network has {Config.LabelCount} classes");
        if (labels is not null && (labels.Shape != t.Shape || labels.Type != DType.Int32))
            throw new ArgumentException($"unet: labels {labels} are not Int32 {t.Shape}");
    }
}

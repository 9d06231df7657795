using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// The DDPM++ U-Net as TrigFlow uses it: F_theta(x, t) with an identity time transform, positional time embedding and adaptive
/// double normalisation (arXiv:2410.11081, section 4.1; layers and names of arXiv:2206.00364).
/// </summary>
/// <remarks>
/// With bf16 compute weights the network stores activations in bf16 from the first convolution to the last; the embedding of the time, all
/// sums, x, t and F stay fp32.
/// </remarks>
public sealed class DdpmppNetwork : INetwork
{
    private const float NearZero = 1e-5f;
    private readonly LinearLayer? mapLabel;
    private readonly LinearLayer mapLayer0, mapLayer1, affine;
    private readonly Conv2dLayer stem, head;
    private readonly NormLayer headNorm;
    private readonly ScalarConditions scalars;
    private readonly DdpmppConfig config;
    private readonly List<DdpmppBlock> encoder = [];
    private readonly List<(DdpmppBlock Block, bool TakesSkip)> decoder = [];

    /// <summary>Builds the layers.</summary>
    /// <exception cref="ArgumentException">The configuration is out of range, or a norm's groups don't divide its channels.</exception>
    public DdpmppNetwork(DdpmppConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        this.config = config;
        int channels = config.ModelChannels, embedding = channels * config.ChannelMultEmb;
        mapLabel = config.LabelCount > 0 ? new LinearLayer("map_label", config.LabelCount, channels) : null;
        scalars = new ScalarConditions(config.Conditions, channels, channels);
        mapLayer0 = new LinearLayer("map_layer0", channels, embedding);
        mapLayer1 = new LinearLayer("map_layer1", embedding, embedding);
        stem = new Conv2dLayer($"enc.{Level(0)}_conv", config.ImageChannels, channels);
        int last = BuildDecoder(BuildEncoder(embedding), embedding);
        headNorm = DdpmppBlock.Norm($"dec.{Level(0)}_aux_norm", last);
        head = new Conv2dLayer($"dec.{Level(0)}_aux_conv", last, config.ImageChannels, NearZero);
        affine = new LinearLayer(DdpmppBlock.Affine, embedding, Blocks.Sum(block => block.ModulationChannels)) { TakesComputeWeights = true };
        Parameters = [.. AllParameters()];
    }

    /// <inheritdoc/>
    public NetworkConfig Config => config;

    /// <summary>
    /// Parameters that must be adjacent in a slab: the affine layers of all blocks, which share one input, so that one product makes all
    /// modulations.
    /// </summary>
    public IReadOnlyList<JoinedParameters> Joined => IsEdm ? [] :
    [
        .. from kind in (string[])["weight", "bias"]
           select new JoinedParameters($"{DdpmppBlock.Affine}.{kind}", [.. Blocks.Select(block => $"{block.Name}.{DdpmppBlock.Affine}.{kind}")]),
    ];

    /// <summary>
    /// All parameters in the order of EDM's state dict, then those of scalar conditions. Weights start Xavier uniform, with a gain of 1e-5 for conv1, proj
    /// and aux_conv and of sqrt(0.2) for qkv; biases start at 0, norm weights at 1 (arXiv:2206.00364, appendix F.1, for DDPM++).
    /// </summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    private bool IsEdm => config.Variant == DdpmppVariant.Edm;

    private IEnumerable<DdpmppBlock> Blocks => encoder.Concat(decoder.Select(entry => entry.Block));

    /// <inheritdoc/>
    /// <remarks>
    /// The result is [pnorm(s) | pnorm(b)], (N, 2 K), for each block in order: one product makes those of all blocks from one embedding. EDM's variant has (N, K) for each
    /// block, by a product of its own.
    /// </remarks>
    public IReadOnlyList<Tensor> Condition(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(conditions);
        NetworkInputs.RequireConditions("ddpm++", config, conditions);
        NetworkInputs.RequireComputeType("ddpm++", program, weights);
        if (IsEdm && (conditions.Times.HasTangent || program.Tape?.NeedsGradient(weights[$"{head.Name}.weight"].Value) == true))
            throw new ArgumentException("ddpm++: EDM's own network is only evaluated; it can teach and be sampled from, but not be trained");
        Tensor embedding = Embedding(program, weights, conditions);
        if (IsEdm)
            return [.. Blocks.Select(block => block.Modulate(program, weights, embedding))];
        Tensor all = affine.Apply(program, weights, embedding);
        using IDisposable scope = program.Layer(DdpmppBlock.Affine);
        return PixelNorm.Split(program, all, [.. Blocks.Select(block => block.ModulationChannels)], runs: 2);
    }

    /// <inheritdoc/>
    public Tensor Forward(ComputeProgram program, ParameterSlab weights, Tensor x, IReadOnlyList<Tensor> condition, NetworkDropout? dropout = null)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(condition);
        NetworkInputs.RequireImages("ddpm++", config, x, condition, encoder.Count + decoder.Count);
        var skips = new Stack<Tensor>();
        int block = 0;
        using (program.Layer("enc"))
        {
            skips.Push(x = stem.Apply(program, weights, Cast.Apply(program, x, weights.ComputeType)));
            foreach (DdpmppBlock each in encoder)
                skips.Push(x = Apply(each, x, null));
        }

        using (program.Layer("dec"))
        {
            foreach ((DdpmppBlock each, bool takesSkip) in decoder)
            {
                Tensor? skip = takesSkip ? skips.Pop() : null;
                x = Apply(each, x, skip);
            }

            x = head.Apply(program, weights, headNorm.Apply(program, weights, x, silu: true));
            Tensor f = Cast.Apply(program, x, DType.Float32);
            return IsEdm ? ScaledAdd.Apply(program, f, f, -0.5f) : f; // EDM's output has the other sign: D = c_skip x + c_out F
        }

        Tensor Apply(DdpmppBlock each, Tensor x, Tensor? skip)
        {
            NetworkDropout? drops = dropout?.ForLayer(block);
            return each.Apply(program, weights, x, skip, condition[block++], drops);
        }
    }

    private Tensor Embedding(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions)
    {
        Tensor embedding;
        using (program.Layer("map_noise"))
        {
            Tensor time = IsEdm ? NoiseLevel.Apply(program, conditions.Times, config.SigmaData) : conditions.Times;
            embedding = TimeEmbedding.Apply(program, time, config.ModelChannels);
        }

        if (mapLabel is not null)
            embedding = ScaledAdd.Apply(program, embedding, mapLabel.ApplyToLabels(program, weights, conditions.Labels!), 1);
        embedding = scalars.Add(program, weights, embedding, conditions);
        embedding = Silu.Apply(program, mapLayer0.Apply(program, weights, embedding));
        return Silu.Apply(program, mapLayer1.Apply(program, weights, embedding));
    }

    private Stack<int> BuildEncoder(int embedding)
    {
        int channels = config.ModelChannels;
        var skips = new Stack<int>([channels]);
        for (int level = 0; level < config.ChannelMult.Length; level++)
        {
            int resolution = config.ResolutionOf(level), width = config.ModelChannels * config.ChannelMult[level];
            bool attention = config.AttentionResolutions.Contains(resolution);
            if (level > 0)
                Add(new DdpmppBlock($"enc.{Level(level)}_down", channels, channels, embedding, Resampling.Down, variant: config.Variant));
            for (int i = 0; i < config.BlocksPerLevel; i++)
            {
                Add(new DdpmppBlock($"enc.{Level(level)}_block{i}", channels, width, embedding, attention: attention, variant: config.Variant));
                channels = width;
            }
        }

        return skips;

        void Add(DdpmppBlock block)
        {
            encoder.Add(block);
            skips.Push(block.OutChannels);
        }
    }

    /// <summary>Returns the channels of the last block.</summary>
    private int BuildDecoder(Stack<int> skips, int embedding)
    {
        int channels = skips.Peek(), lowest = config.ChannelMult.Length - 1;
        for (int level = lowest; level >= 0; level--)
        {
            int resolution = config.ResolutionOf(level), width = config.ModelChannels * config.ChannelMult[level];
            if (level == lowest)
            {
                Add("in0", channels, attention: true);
                Add("in1", channels);
            }
            else
            {
                Add("up", channels, Resampling.Up);
            }

            bool attends = config.AttentionResolutions.Contains(resolution);
            for (int i = 0; i <= config.BlocksPerLevel; i++)
                Add($"block{i}", width, attention: attends && i == config.BlocksPerLevel, skip: skips.Pop());

            void Add(string name, int outChannels, Resampling resampling = Resampling.None, bool attention = false, int skip = 0)
            {
                string full = $"dec.{Level(level)}_{name}";
                decoder.Add((new DdpmppBlock(full, channels + skip, outChannels, embedding, resampling, attention, config.Variant), skip > 0));
                channels = outChannels;
            }
        }

        return channels;
    }

    private string Level(int level) => $"{config.ResolutionOf(level)}x{config.ResolutionOf(level)}";

    private IEnumerable<ParameterSpec> AllParameters() =>
    [
        .. mapLabel?.Parameters ?? [], .. mapLayer0.Parameters, .. mapLayer1.Parameters,
        .. stem.Parameters, .. Blocks.SelectMany(block => block.Parameters), .. headNorm.Parameters, .. head.Parameters, .. scalars.Parameters,
    ];
}

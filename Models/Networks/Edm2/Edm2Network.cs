using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// The U-Net of EDM2 (arXiv:2312.02696, config G) in its TrigFlow form: F_theta(x, t) with an identity time transform, positional time embedding and
/// adaptive double normalisation (arXiv:2410.11081, section 4.1). Magnitudes are preserved layer by layer: no biases, no group norms, normalised weights.
/// </summary>
/// <remarks>
/// With bf16 compute weights the network stores activations in bf16 from the first convolution to the last; the embeddings, all sums, x, t and F stay fp32.
/// </remarks>
public sealed class Edm2Network : INetwork
{
    private const string Name = "edm2", LogvarLinear = "logvar_linear";
    private readonly LinearLayer embNoise, embLinear, logvar;
    private readonly LinearLayer? embLabel;
    private readonly Conv2dLayer stem, head;
    private readonly ScalarConditions scalars;
    private readonly Edm2Config config;
    private readonly List<Edm2Block> encoder = [], decoder = [];

    /// <summary>Builds the layers.</summary>
    /// <exception cref="ArgumentException">The configuration is out of range.</exception>
    public Edm2Network(Edm2Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        this.config = config;
        embNoise = Matrix("emb_noise", config.FirstChannels, config.EmbeddingChannels);
        embLabel = config.LabelCount > 0 ? Matrix("emb_label", config.LabelCount, config.EmbeddingChannels) : null;
        scalars = new ScalarConditions(config.Conditions, config.FirstChannels, config.EmbeddingChannels, TimeEmbeddingKind.CosinesFirst);
        stem = Conv($"enc.{Level(0)}_conv", config.ImageChannels + 1, config.FirstChannels);
        head = Conv("out_conv", BuildDecoder(BuildEncoder()), config.ImageChannels);
        logvar = Matrix(LogvarLinear, config.LogvarChannels, 1);
        embLinear = new LinearLayer(Edm2Block.EmbLinear, config.EmbeddingChannels, Blocks.Sum(block => block.ModulationChannels)) { HasBias = false, TakesComputeWeights = true };
        Parameters = [.. AllParameters()];
        ComputeWeights = new Edm2Weights(
            [
                new($"{stem.Name}.weight"), .. Blocks.SelectMany(block => block.Weights), new("out_conv.weight") { Gain = OutGain },
            ],
            [.. from layer in (LinearLayer?[])[embNoise, embLabel, logvar] where layer is not null select new NormalisedWeight($"{layer.Name}.weight")]);

        static Conv2dLayer Conv(string name, int inputs, int outputs) => new(name, inputs, outputs) { HasBias = false, Initial = InitialValues.Normal() };

        static LinearLayer Matrix(string name, int inputs, int outputs) => new(name, inputs, outputs) { HasBias = false, Initial = InitialValues.Normal() };
    }

    /// <inheritdoc/>
    public NetworkConfig Config => config;

    /// <summary>
    /// Parameters that must be adjacent in a slab: the layers that modulate the blocks, which share one input, so that one product makes all modulations.
    /// </summary>
    public IReadOnlyList<JoinedParameters> Joined => config.Modulation == Edm2Modulation.Edm2
        ? []
        : [new JoinedParameters($"{Edm2Block.EmbLinear}.weight", [.. Blocks.Select(block => $"{block.Name}.{Edm2Block.EmbLinear}.weight")])];

    /// <summary>
    /// All parameters in the order of EDM2's state dict, then those of scalar conditions. Weights start standard normal, gains at 0, so that F starts at 0.
    /// </summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <inheritdoc/>
    public IComputeWeights ComputeWeights { get; }

    private const string OutGain = "out_gain", Frequencies = "emb_fourier.freqs", Phases = "emb_fourier.phases";

    private bool IsFourier => config.Embedding == Edm2Embedding.Fourier;

    private IEnumerable<Edm2Block> Blocks => encoder.Concat(decoder);

    /// <inheritdoc/>
    /// <remarks>
    /// The result is the scale and shift, or the scale alone, of each block in order: one product makes those of all blocks from one embedding.
    /// </remarks>
    public IReadOnlyList<Tensor> Condition(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(conditions);
        NetworkInputs.RequireConditions(Name, config, conditions);
        NetworkInputs.RequireComputeType(Name, program, weights);
        if (IsFourier && (conditions.Times.HasTangent || program.Tape?.NeedsGradient(weights[OutGain].Value) == true))
            throw new ArgumentException($"{Name}: a network with Fourier features is only evaluated; it can teach and be sampled from, but not be trained");
        Tensor embedding = Embedding(program, weights, conditions);
        if (config.Modulation == Edm2Modulation.Edm2)
            return [.. Blocks.Select(block => OnePlus(block.Modulate(program, weights, embedding)))];
        Tensor all = embLinear.Apply(program, weights, embedding);
        using IDisposable scope = program.Layer(Edm2Block.EmbLinear);
        int[] widths = [.. Blocks.Select(block => block.ModulationChannels)];
        return config.Modulation == Edm2Modulation.Double
            ? PixelNorm.Split(program, all, widths, runs: 2, NormalisedWeight.Epsilon, NormEpsilon.Outside)
            : PixelNorm.Split(program, OnePlus(all), widths, runs: 1);

        Tensor OnePlus(Tensor m) => ScaledAdd.Apply(program, m, program.Constant(m.Shape, 1), 1);
    }

    /// <inheritdoc/>
    public Tensor Forward(ComputeProgram program, ParameterSlab weights, Tensor x, IReadOnlyList<Tensor> condition, NetworkDropout? dropout = null)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(condition);
        NetworkInputs.RequireImages(Name, config, x, condition, encoder.Count + decoder.Count);
        var skips = new Stack<Tensor>();
        int block = 0;
        using (program.Layer("enc"))
        {
            Tensor ones = program.Constant(new Shape(x.Shape.N, x.Shape.H, x.Shape.W, 1), 1);
            skips.Push(x = stem.Apply(program, weights, Cast.Apply(program, Concat.Apply(program, x, ones), weights.ComputeType)));
            foreach (Edm2Block each in encoder)
                skips.Push(x = Apply(each, x, null));
        }

        using (program.Layer("dec"))
        {
            foreach (Edm2Block each in decoder)
                x = Apply(each, x, each.TakesSkip ? skips.Pop() : null);
        }

        Tensor f = Cast.Apply(program, head.Apply(program, weights, x), DType.Float32);
        return IsFourier ? ScaledAdd.Apply(program, f, f, -0.5f) : f; // EDM2's output has the other sign: D = c_skip x + c_out F

        Tensor Apply(Edm2Block each, Tensor x, Tensor? skip)
        {
            NetworkDropout? drops = dropout?.ForLayer(block).At(each.Resolution);
            return each.Apply(program, weights, x, skip, condition[block++], drops);
        }
    }

    /// <inheritdoc/>
    public bool HasLogvar => !IsFourier;

    /// <inheritdoc/>
    public Tensor Logvar(ComputeProgram program, ParameterSlab weights, Tensor times)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(weights);
        using IDisposable scope = program.Layer(LogvarLinear);
        Tensor embedding = TimeEmbedding.Apply(program, times, config.LogvarChannels, TimeEmbeddingKind.CosinesFirst);
        return Linear.Apply(program, embedding, Edm2Weights.Normalise(program, weights[$"{LogvarLinear}.weight"].Value)).Reshape(times.Shape.N);
    }

    private Tensor Embedding(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions)
    {
        Tensor embedding;
        using (program.Layer(embNoise.Name))
        {
            embedding = IsFourier
                ? FourierEmbedding.Apply(program, NoiseLevel.Apply(program, conditions.Times, config.SigmaData), weights[Frequencies].Value, weights[Phases].Value)
                : TimeEmbedding.Apply(program, conditions.Times, config.FirstChannels, TimeEmbeddingKind.CosinesFirst);
            embedding = Linear.Apply(program, embedding, Edm2Weights.Normalise(program, weights[$"{embNoise.Name}.weight"].Value));
        }

        embedding = scalars.Add(program, weights, embedding, conditions);
        if (embLabel is not null)
        {
            using IDisposable scope = program.Layer(embLabel.Name);
            Tensor label = LabelEmbedding.Apply(program, conditions.Labels!, Edm2Weights.Normalise(program, weights[$"{embLabel.Name}.weight"].Value), null);
            embedding = ScaledAdd.Apply(program, embedding, label, MathF.Sqrt(0.5f)); // blend(a, b, 0.5); without a class b is 0 and the factor stays
        }

        return Silu.Apply(program, embedding); // its gain is a factor of the layers that read it
    }

    private Stack<int> BuildEncoder()
    {
        int channels = config.FirstChannels;
        var skips = new Stack<int>([channels]);
        for (int level = 0; level < config.ChannelMult.Length; level++)
        {
            int width = config.ModelChannels * config.ChannelMult[level], resolution = config.ResolutionOf(level);
            if (level > 0)
                Add(new Edm2Block(config, $"enc.{Level(level)}_down", channels, channels, resolution, isDecoder: false, resampling: Resampling.Down));
            for (int i = 0; i < config.BlocksPerLevel; i++)
            {
                bool attends = config.AttentionResolutions.Contains(resolution);
                Add(new Edm2Block(config, $"enc.{Level(level)}_block{i}", channels, width, resolution, isDecoder: false, attention: attends));
            }
        }

        return skips;

        void Add(Edm2Block block)
        {
            encoder.Add(block);
            skips.Push(channels = block.OutChannels);
        }
    }

    /// <summary>Returns the channels of the last block.</summary>
    private int BuildDecoder(Stack<int> skips)
    {
        int channels = skips.Peek(), lowest = config.ChannelMult.Length - 1;
        for (int level = lowest; level >= 0; level--)
        {
            int width = config.ModelChannels * config.ChannelMult[level], resolution = config.ResolutionOf(level);
            if (level == lowest)
            {
                Add("in0", channels, attention: true);
                Add("in1", channels);
            }
            else
            {
                Add("up", channels, resampling: Resampling.Up);
            }

            for (int i = 0; i <= config.BlocksPerLevel; i++)
                Add($"block{i}", width, skips.Pop(), attention: config.AttentionResolutions.Contains(resolution));

            void Add(string name, int outChannels, int skip = 0, Resampling resampling = Resampling.None, bool attention = false)
            {
                string full = $"dec.{Level(level)}_{name}";
                decoder.Add(new Edm2Block(config, full, channels, outChannels, resolution, isDecoder: true, skip, resampling, attention));
                channels = outChannels;
            }
        }

        return channels;
    }

    private string Level(int level) => $"{config.ResolutionOf(level)}x{config.ResolutionOf(level)}";

    private IEnumerable<ParameterSpec> AllParameters() =>
    [
        Edm2Weights.Gain(OutGain), .. IsFourier ? Features() : [], .. embNoise.Parameters, .. embLabel?.Parameters ?? [], .. stem.Parameters,
        .. Blocks.SelectMany(block => block.Parameters), .. head.Parameters, .. logvar.Parameters.Select(parameter => parameter with { IsOfLoss = true }), .. scalars.Parameters,
    ];

    /// <summary>Frequencies and phases, with their 2 pi.</summary>
    private ParameterSpec[] Features() =>
    [
        new(Frequencies, new Shape(config.FirstChannels)) { Initial = InitialValues.Normal(2 * MathF.PI) },
        new(Phases, new Shape(config.FirstChannels)) { Initial = InitialValues.Uniform(MathF.PI) },
    ];
}

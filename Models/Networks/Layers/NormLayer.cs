using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>Group normalisation with eps 1e-6. Starts with weight 1, bias 0.</summary>
public sealed class NormLayer
{
    private readonly string name;
    private readonly int channels, groups;

    /// <summary>Lays out the layer.</summary>
    /// <param name="name">Name in files, such as enc.32x32_block0.norm0.</param>
    /// <param name="channels">Channels of the input.</param>
    /// <param name="groups">Groups that they fall into.</param>
    /// <exception cref="ArgumentException">The groups don't divide the channels.</exception>
    public NormLayer(string name, int channels, int groups)
    {
        (this.name, this.channels, this.groups) = (name, channels, groups);
        if (groups < 1 || channels % groups != 0)
            throw new ArgumentException($"{name}: {channels} channels don't fall into {groups} groups; choose other model_channels or channel_mult");
    }

    /// <summary>Weight and bias.</summary>
    public IEnumerable<ParameterSpec> Parameters =>
    [
        new($"{name}.weight", new Shape(channels)) { Initial = InitialValues.Constant(1) },
        new($"{name}.bias", new Shape(channels)),
    ];

    /// <summary>Whether the norm reads x and more without their concatenation.</summary>
    public bool TakesTwoSources(ComputeDevice device, Tensor x, Tensor more) => GroupNorm.TakesTwoSources(device, x, more, groups);

    /// <summary>The normalised x, modulated if <paramref name="modulation"/> (N, 2 C) is given, through SiLU if asked for.</summary>
    /// <param name="program">Program that records the layer.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="x">Input (N, H, W, C).</param>
    /// <param name="silu">Whether SiLU follows.</param>
    /// <param name="modulation">(N, 2 C): scale and shift; or null.</param>
    /// <param name="dropout">The dropout that follows, or null.</param>
    /// <param name="more">A tensor whose channels follow those of x, or null.</param>
    public Tensor Apply(
        ComputeProgram program, ParameterSlab weights, Tensor x, bool silu, Tensor? modulation = null, NetworkDropout? dropout = null, Tensor? more = null)
    {
        using IDisposable scope = program.Layer(name[(name.LastIndexOf('.') + 1)..]);
        return GroupNorm.Apply(
            program, x, weights[$"{name}.weight"].Value, weights[$"{name}.bias"].Value, groups, silu, modulation,
            dropout: dropout?.Source, dropoutRate: dropout?.Rate ?? 0, more: more);
    }
}

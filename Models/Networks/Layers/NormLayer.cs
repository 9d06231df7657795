using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>Group normalisation with eps 1e-6. Its weight starts at 1, its bias at 0.</summary>
public sealed class NormLayer
{
    private readonly string name;
    private readonly int channels, groups;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">Name in files, such as enc.32x32_block0.norm0.</param>
    /// <param name="channels">Channels of the input.</param>
    /// <param name="groups">Number of groups of channels.</param>
    /// <exception cref="ArgumentException">There is no group, or the groups do not divide the channels.</exception>
    public NormLayer(string name, int channels, int groups)
    {
        (this.name, this.channels, this.groups) = (name, channels, groups);
        if (groups < 1 || channels % groups != 0)
            throw new ArgumentException($"{name}: {channels} channels don't fall into {groups} groups; choose other model_channels or channel_mult");
    }

    /// <summary>Weight and bias.</summary>
    /// <exception cref="ArgumentException">The number of channels is below 1.</exception>
    public IEnumerable<ParameterSpec> Parameters =>
    [
        new($"{name}.weight", new Shape(channels)) { Initial = InitialValues.Constant(1) },
        new($"{name}.bias", new Shape(channels)),
    ];

    /// <summary>Whether the norm reads x and xSkip without their concatenation.</summary>
    public bool TakesTwoSources(ComputeDevice device, Tensor x, Tensor xSkip) => GroupNorm.TakesTwoSources(device, x, xSkip, groups);

    /// <summary>Records the norm of x, with modulation, SiLU and dropout after it if they are given.</summary>
    /// <param name="program">Program that records the layer.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="x">Input (N, H, W, C), or its first channels.</param>
    /// <param name="silu">Whether SiLU follows.</param>
    /// <param name="modulation">Scale and shift (N, 2 C), or null.</param>
    /// <param name="dropout">Dropout that follows, or null.</param>
    /// <param name="xSkip">A tensor whose channels follow those of x, or null.</param>
    /// <exception cref="ArgumentException">A shape or a type does not fit.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the layer.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public Tensor Apply(
        ComputeProgram program, ParameterSlab weights, Tensor x, bool silu, Tensor? modulation = null, NetworkDropout? dropout = null, Tensor? xSkip = null)
    {
        using IDisposable scope = program.Layer(name[(name.LastIndexOf('.') + 1)..]);
        return GroupNorm.Apply(
            program, x, weights[$"{name}.weight"].Value, weights[$"{name}.bias"].Value, groups, silu, modulation,
            dropout: dropout?.Source, dropoutRate: dropout?.Rate ?? 0, xSkip: xSkip);
    }
}

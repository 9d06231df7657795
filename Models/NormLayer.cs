using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>Group normalisation with min(32, C / 4) groups and eps 1e-6. Starts with weight 1, bias 0.</summary>
internal sealed class NormLayer
{
    private readonly string name;
    private readonly int channels, groups;

    /// <exception cref="ArgumentException">The groups don't divide the channels.</exception>
    public NormLayer(string name, int channels)
    {
        this.name = name;
        this.channels = channels;
        groups = Math.Min(32, channels / 4);
        if (groups < 1 || channels % groups != 0)
        {
            throw new ArgumentException(
                $"{name}: {channels} channels don't fall into {groups} groups; choose other model_channels or channel_mult");
        }
    }

    public IEnumerable<ParameterSpec> Parameters =>
    [
        new($"{name}.weight", new Shape(channels)) { FileShape = [channels], Constant = 1 },
        new($"{name}.bias", new Shape(channels)) { FileShape = [channels] },
    ];

    /// <summary>The normalised x, modulated if <paramref name="modulation"/> (N, 2 C) is given, through SiLU if asked for.</summary>
    public Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor x, bool silu, Tensor? modulation = null)
    {
        using IDisposable scope = program.Layer(name[(name.LastIndexOf('.') + 1)..]);
        return GroupNorm.Apply(program, x, weights[$"{name}.weight"].Value, weights[$"{name}.bias"].Value, groups, silu, modulation);
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// A matrix over the last axis; over pixels it is a 1x1 convolution. Its weight starts Xavier uniform times <paramref name="gain"/> unless
/// <see cref="Initial"/> is set; its bias starts at zero.
/// </summary>
/// <param name="name">Name in files, such as map_layer0.</param>
/// <param name="inChannels">Channels of the input.</param>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="gain">Factor of the weight's initial bound.</param>
public sealed class LinearLayer(string name, int inChannels, int outChannels, float gain = 1)
{
    /// <summary>Name in files.</summary>
    public string Name => name;

    /// <summary>Whether files hold the weight as that of a 1x1 convolution, (K, C, 1, 1).</summary>
    public bool IsConvolution { get; init; }

    /// <summary>Whether the layer multiplies an fp32 input with the compute weights, if there are any; the output stays fp32.</summary>
    public bool TakesComputeWeights { get; init; }

    /// <summary>Whether the layer multiplies with the master weights, in fp32, although other layers take compute weights.</summary>
    public bool TakesMasterWeights { get; init; }

    /// <summary>Number of parts whose rows files interleave, see <see cref="ParameterSpec.Parts"/>.</summary>
    public int Parts { get; init; } = 1;

    /// <summary>Whether a bias is added.</summary>
    public bool HasBias { get; init; } = true;

    /// <summary>Initial values of the weight.</summary>
    public InitialValues Initial { get; init; } = InitialValues.Xavier(inChannels, outChannels, gain);

    /// <summary>Weight, and bias if there is one.</summary>
    /// <exception cref="ArgumentException">A number of channels is below 1.</exception>
    public IEnumerable<ParameterSpec> Parameters
    {
        get
        {
            var weight = new ParameterSpec($"{name}.weight", new Shape(outChannels, inChannels)) { Parts = Parts, Initial = Initial };
            yield return IsConvolution ? weight with { FileShape = [outChannels, inChannels, 1, 1] } : weight;
            if (HasBias)
                yield return new($"{name}.bias", new Shape(outChannels)) { Parts = Parts };
        }
    }

    /// <summary>Whether the layer reads x and xSkip without their concatenation.</summary>
    public bool TakesTwoSources(ComputeDevice device, Tensor x, Tensor xSkip) => Linear.TakesTwoSources(device, x, xSkip, outChannels);

    /// <summary>Records the layer: (..., C) to (..., K), with the weight in the storage type of x.</summary>
    /// <param name="program">Program that records the layer.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="x">Input (..., C), or its first channels.</param>
    /// <param name="residual">A tensor (..., K) that is added to the output, or null.</param>
    /// <param name="scale">Factor of the sum; 1 without a residual.</param>
    /// <param name="xSkip">A tensor whose channels follow those of x, or null.</param>
    /// <exception cref="ArgumentException">A shape or a type does not fit.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the layer.</exception>
    /// <exception cref="InvalidOperationException">The slab has no weights of the type of x, or the program is compiled.</exception>
    public Tensor Apply(
        ComputeProgram program, ParameterSlab weights, Tensor x, Tensor? residual = null, float scale = 1, Tensor? xSkip = null)
    {
        using IDisposable scope = program.Layer(name[(name.LastIndexOf('.') + 1)..]);
        DType type = TakesComputeWeights ? weights.ComputeType : x.Type;
        Tensor weight = TakesMasterWeights ? weights[$"{name}.weight"].Value : weights.ValueFor($"{name}.weight", type);
        return Linear.Apply(program, x, weight, Bias(weights), residual, scale, xSkip);
    }

    /// <summary>Returns the layer on x and xSkip as the projection shortcut of a convolution.</summary>
    /// <exception cref="ArgumentException">The slab's weight has another number of elements than the layer's.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks the weight or the bias.</exception>
    /// <exception cref="InvalidOperationException">The slab has no weights of the type of x.</exception>
    public ProjectionShortcut AsShortcut(ParameterSlab weights, Tensor x, Tensor? xSkip) => new(
        x, xSkip, weights.ValueFor($"{name}.weight", x.Type).Reshape(outChannels, 1, 1, inChannels), Bias(weights));

    /// <summary>Records the layer on one-hot rows times sqrt(C), with C classes: labels (N) to (N, K); -1 gives the bias alone.</summary>
    /// <exception cref="ArgumentException">A shape or a type does not fit.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the layer.</exception>
    /// <exception cref="InvalidOperationException">The slab has no fp32 weights for products, or the program is compiled.</exception>
    public Tensor ApplyToLabels(ComputeProgram program, ParameterSlab weights, Tensor labels)
    {
        using IDisposable scope = program.Layer(name);
        return LabelEmbedding.Apply(program, labels, weights.ValueFor($"{name}.weight", DType.Float32), Bias(weights));
    }

    private Tensor? Bias(ParameterSlab weights) => HasBias ? weights[$"{name}.bias"].Value : null;
}

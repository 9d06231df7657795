using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// A matrix over the last axis; over pixels it is a 1x1 convolution. Starts Xavier uniform times <paramref name="gain"/> unless another start
/// is given; its bias, if it has one, starts at zero.
/// </summary>
/// <param name="name">Name in files, such as map_layer0.</param>
/// <param name="inChannels">Channels of the input.</param>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="gain">Factor of the weight's initial bound.</param>
public sealed class LinearLayer(string name, int inChannels, int outChannels, float gain = 1)
{
    /// <summary>Whether files hold the weight as that of a 1x1 convolution, (K, C, 1, 1).</summary>
    public bool IsConvolution { get; init; }

    /// <summary>Whether compute weights multiply an fp32 input, where there are any: the output stays fp32.</summary>
    public bool TakesComputeWeights { get; init; }

    /// <summary>Number of parts whose rows files interleave, see <see cref="ParameterSpec.Parts"/>.</summary>
    public int Parts { get; init; } = 1;

    /// <summary>Whether a bias is added.</summary>
    public bool HasBias { get; init; } = true;

    /// <summary>How the weight starts.</summary>
    public InitialValues Initial { get; init; } = InitialValues.Xavier(inChannels, outChannels, gain);

    /// <summary>Weight, and bias if there is one.</summary>
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

    /// <summary>Whether the layer reads x and more without their concatenation.</summary>
    public bool TakesTwoSources(ComputeDevice device, Tensor x, Tensor more) => Linear.TakesTwoSources(device, x, more, outChannels);

    /// <summary>Multiplications, each with its addition, for so many rows.</summary>
    public long MultiplyAdds(long rows) => rows * inChannels * outChannels;

    /// <summary>(..., C) to (..., K), the weight in the storage type of x.</summary>
    /// <param name="program">Program that records the layer.</param>
    /// <param name="weights">The network's parameters.</param>
    /// <param name="x">Input.</param>
    /// <param name="residual">What is added to the output, or null; the sum is multiplied by the scale.</param>
    /// <param name="scale">1 without a residual.</param>
    /// <param name="more">A tensor whose channels follow those of x, or null.</param>
    public Tensor Apply(
        ComputeProgram program, ParameterSlab weights, Tensor x, Tensor? residual = null, float scale = 1, Tensor? more = null)
    {
        using IDisposable scope = program.Layer(name[(name.LastIndexOf('.') + 1)..]);
        DType type = TakesComputeWeights ? weights.ComputeType : x.Type;
        return Linear.Apply(program, x, weights.ValueFor($"{name}.weight", type), Bias(weights), residual, scale, more);
    }

    /// <summary>The layer on x and more as part of a convolution.</summary>
    public Shortcut AsShortcut(ParameterSlab weights, Tensor x, Tensor? more) => new(
        x, more, weights.ValueFor($"{name}.weight", x.Type).Reshape(outChannels, 1, 1, inChannels), weights[$"{name}.bias"].Value);

    /// <summary>The layer on one-hot rows times sqrt(C), C the number of classes: (N) to (N, K); -1 gives the bias alone.</summary>
    public Tensor ApplyToLabels(ComputeProgram program, ParameterSlab weights, Tensor labels)
    {
        using IDisposable scope = program.Layer(name);
        return LabelEmbedding.Apply(program, labels, weights.ValueFor($"{name}.weight", DType.Float32), Bias(weights));
    }

    private Tensor? Bias(ParameterSlab weights) => HasBias ? weights[$"{name}.bias"].Value : null;
}

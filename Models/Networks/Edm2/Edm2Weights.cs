using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Compute weights of an EDM2 network: N(w) factor / sqrt(K) for each row w of K entries, times a trained gain where there is one, with N(w) = w / (rms + 1e-4)
/// (arXiv:2312.02696, section 2.3). In training, each row is first replaced by N(w), so that its size, which no output depends on, does not grow and lower the
/// effective learning rate.
/// </summary>
/// <param name="multiplied">The weights that products take as compute weights.</param>
/// <param name="embedding">Weights that the network normalises by itself in fp32: they are only replaced in training.</param>
internal sealed class Edm2Weights(IReadOnlyList<NormalisedWeight> multiplied, IReadOnlyList<NormalisedWeight> embedding) : IComputeWeights
{
    /// <inheritdoc/>
    public void Make(ComputeProgram program, ParameterSlab weights, bool force) =>
        WeightNorm.Make(program, weights.Values, weights.ComputeValues!, [.. multiplied.Concat(embedding).Select(each => each.PartOf(weights))], force);

    /// <inheritdoc/>
    public void Backward(ComputeProgram program, ParameterSlab weights) =>
        WeightNorm.Backward(program, weights.Values, weights.Gradients!, [.. multiplied.Select(each => each.PartOf(weights))]);

    /// <summary>A trained scalar, which files hold without an extent; it starts at 0.</summary>
    public static ParameterSpec Gain(string name) => new(name, new Shape(1)) { FileShape = [] };

    /// <summary>
    /// Records N(w) / sqrt(K) of a matrix in fp32, for layers of the embedding, whose inputs are small: they stay exact when other weights are rounded to bf16.
    /// </summary>
    /// <param name="program">Program that records the network.</param>
    /// <param name="matrix">(rows, K), fp32.</param>
    public static Tensor Normalise(ComputeProgram program, Tensor matrix)
    {
        Tensor normalised = PixelNorm.Apply(program, matrix, NormalisedWeight.Epsilon, NormEpsilon.Outside);
        return ScaledAdd.Apply(program, normalised, normalised, 0.5f / MathF.Sqrt(matrix.Shape.C));
    }
}

/// <summary>A weight whose rows are normalised.</summary>
/// <param name="Name">Name of the parameter.</param>
internal sealed record NormalisedWeight(string Name)
{
    /// <summary>Added to a row's root mean square.</summary>
    public const float Epsilon = 1e-4f;

    /// <summary>Constant factor of the layer's output.</summary>
    public float Factor { get; init; } = 1;

    /// <summary>First input channel with another factor; null for none.</summary>
    public int? SplitChannel { get; init; }

    /// <summary>Factor for channels from <see cref="SplitChannel"/> on.</summary>
    public float SplitFactor { get; init; } = 1;

    /// <summary>Name of a scalar parameter that multiplies the weight; null for none.</summary>
    public string? Gain { get; init; }

    /// <summary>The weight's place in a slab.</summary>
    public WeightNormPart PartOf(ParameterSlab weights)
    {
        Shape shape = weights[Name].Value.Shape;
        int rows = shape[0], columns = (int)(shape.Count / rows);
        float scale = 1 / MathF.Sqrt(columns);
        return new WeightNormPart(weights.StartOf(Name), rows, columns)
        {
            Taps = columns / shape.C,
            Scale = Factor * scale,
            SplitChannel = SplitChannel,
            SplitScale = SplitFactor * scale,
            Gain = Gain is null ? -1 : weights.StartOf(Gain),
        };
    }
}

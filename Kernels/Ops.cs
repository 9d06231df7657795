namespace TrigFlowNative.Kernels;

/// <summary>Catalogue of all ops, one line each. A test fails while an op listed here has no test class.</summary>
public static class Ops
{
    /// <summary>All ops in alphabetical order.</summary>
    public static IReadOnlyList<OpEntry> All { get; } =
    [
        new(typeof(Adam), OpTangent.None),
        new(typeof(Attention), OpTangent.Rule),
        new(typeof(Cast), OpTangent.Linear),
        new(typeof(Clamp), OpTangent.Rule),
        new(typeof(Combine), OpTangent.None),
        new(typeof(Concat), OpTangent.Linear),
        new(typeof(ConsistencyTarget), OpTangent.None),
        new(typeof(Conv2d), OpTangent.Linear),
        new(typeof(Copy), OpTangent.Linear),
        new(typeof(Dropout), OpTangent.Linear),
        new(typeof(ExponentialAverage), OpTangent.None),
        new(typeof(FourierEmbedding), OpTangent.None),
        new(typeof(GeneralConv2d), OpTangent.None),
        new(typeof(GlobalMean), OpTangent.None),
        new(typeof(GradientNorm), OpTangent.None),
        new(typeof(GroupNorm), OpTangent.Rule),
        new(typeof(ImageResize), OpTangent.None),
        new(typeof(JoinedSilu), OpTangent.Rule),
        new(typeof(LabelDropout), OpTangent.None),
        new(typeof(LabelEmbedding), OpTangent.None),
        new(typeof(LayerNorm), OpTangent.None),
        new(typeof(Linear), OpTangent.Linear),
        new(typeof(MagnitudeNorm), OpTangent.Rule),
        new(typeof(MatMul), OpTangent.Rule),
        new(typeof(ModulatedNorm), OpTangent.Rule),
        new(typeof(NoiseLevel), OpTangent.None),
        new(typeof(PairsWithin), OpTangent.None),
        new(typeof(PixelNorm), OpTangent.Rule),
        new(typeof(Pool2d), OpTangent.None),
        new(typeof(ProposalTime), OpTangent.None),
        new(typeof(RAdam), OpTangent.None),
        new(typeof(RandomNormal), OpTangent.None),
        new(typeof(RandomUniform), OpTangent.None),
        new(typeof(RegressionLoss), OpTangent.None),
        new(typeof(Resample2d), OpTangent.Linear),
        new(typeof(ScaledAdd), OpTangent.Linear),
        new(typeof(Silu), OpTangent.Rule),
        new(typeof(SinCos), OpTangent.None),
        new(typeof(Tally), OpTangent.None),
        new(typeof(TimeEmbedding), OpTangent.Rule),
        new(typeof(TokenSequence), OpTangent.None),
        new(typeof(WeightNorm), OpTangent.None),
    ];
}

/// <summary>Entry of an op in the catalogue.</summary>
/// <param name="Type">Static class of the op.</param>
/// <param name="Tangent">How the op treats a tangent.</param>
public sealed record OpEntry(Type Type, OpTangent Tangent);

/// <summary>How an op treats a dual input.</summary>
public enum OpTangent
{
    /// <summary>Linear: the forward kernel runs over primal and tangent as one batch.</summary>
    Linear,

    /// <summary>Nonlinear: a separate kernel computes primal and tangent in one pass.</summary>
    Rule,

    /// <summary>No rule for tangents, since nothing needs one: a dual input throws an <see cref="ArgumentException"/> that names the op.</summary>
    None,
}

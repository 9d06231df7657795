using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The abilities of a <see cref="ProductPath"/>'s kernels.</summary>
/// <param name="ElementType">Type of the operands that they multiply; results are of that type or fp32.</param>
internal readonly record struct ProductFeatures(DType ElementType)
{
    /// <summary>Channels must be a multiple of this number; others are padded before and cut after.</summary>
    public int ChannelGrain { get; init; } = 1;

    /// <summary>Whether the epilogue adds a residual and scales the sum.</summary>
    public bool FusesResidual { get; init; }

    /// <summary>Where x may lie in two tensors, the first one's channels must be a multiple of this number; 0 where it may not.</summary>
    public int FirstSourceGrain { get; init; }

    /// <summary>Whether a projection shortcut may be further terms of the sum.</summary>
    public bool AddsProjections { get; init; }

    /// <summary>Whether the kernel of a weight gradient sums dy over pixels too, as the gradient of a bias.</summary>
    public bool SumsBiasGradient { get; init; }

    /// <summary>Whether 3x3 convolutions of few channels pay as 1x1 convolutions of their taps (<see cref="Im2Col"/>).</summary>
    public bool SuitsIm2Col { get; init; }

    /// <summary>The number of channels that the kernels take for a number of channels.</summary>
    public int Padded(int channels) => (channels + ChannelGrain - 1) / ChannelGrain * ChannelGrain;

    /// <summary>Whether the kernels take a number of channels as it is.</summary>
    public bool Takes(int channels) => Padded(channels) == channels;

    /// <summary>Whether the kernels write a result of a type: fp32 always, since that is what they sum in.</summary>
    public bool Writes(DType type) => type == ElementType || type == DType.Float32;

    /// <summary>Whether a product reads its input from two tensors without a copy.</summary>
    public bool TakesTwoSources(Tensor x, Tensor xSkip, int outputs) =>
        FirstSourceGrain > 0 && x.HasTangent == xSkip.HasTangent && x.Shape.C % FirstSourceGrain == 0 && Takes(xSkip.Shape.C) && Takes(outputs);

    /// <summary>Whether a projection shortcut is added within the kernel of a convolution of x.</summary>
    public bool TakesShortcut(Tensor x, int outputs, ProjectionShortcut shortcut) =>
        AddsProjections && Takes(x.Shape.C) && Takes(outputs) && shortcut.X.HasTangent == x.HasTangent
        && (shortcut.XSkip is { } xSkip ? TakesTwoSources(shortcut.X, xSkip, outputs) : Takes(shortcut.X.Shape.C));
}

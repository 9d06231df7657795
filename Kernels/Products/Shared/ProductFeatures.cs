using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The abilities of a <see cref="ProductPath"/>'s kernels.</summary>
/// <param name="ElementType">Type of the operands that they multiply; results are of that type or fp32.</param>
internal readonly record struct ProductFeatures(DType ElementType)
{
    /// <summary>Channels must be a multiple of this number; others are padded before the product and cut after it.</summary>
    public int ChannelGrain { get; init; } = 1;

    /// <summary>Whether the epilogue adds a residual and scales the sum.</summary>
    public bool FusesResidual { get; init; }

    /// <summary>The first of two sources of x must have a multiple of this many channels; 0 if x must be one tensor.</summary>
    public int FirstSourceGrain { get; init; }

    /// <summary>Whether a projection shortcut may be part of the sum.</summary>
    public bool AddsProjections { get; init; }

    /// <summary>Whether the kernel of the weight gradient also sums dy over pixels, for the gradient of a bias.</summary>
    public bool SumsBiasGradient { get; init; }

    /// <summary>Whether 3x3 convolutions of few channels are faster as 1x1 convolutions of their taps (<see cref="Im2Col"/>).</summary>
    public bool SuitsIm2Col { get; init; }

    /// <summary>Returns a number of channels, padded to one that the kernels take.</summary>
    public int Padded(int channels) => (channels + ChannelGrain - 1) / ChannelGrain * ChannelGrain;

    /// <summary>Whether the kernels take a number of channels without padding.</summary>
    public bool Takes(int channels) => Padded(channels) == channels;

    /// <summary>Whether the kernels write a result of a type; fp32 always, since they sum in fp32.</summary>
    public bool Writes(DType type) => type == ElementType || type == DType.Float32;

    /// <summary>Whether a product reads its input from two tensors without a copy.</summary>
    public bool TakesTwoSources(Tensor x, Tensor xSkip, int outputs) =>
        FirstSourceGrain > 0 && x.HasTangent == xSkip.HasTangent && x.Shape.C % FirstSourceGrain == 0 && Takes(xSkip.Shape.C) && Takes(outputs);

    /// <summary>Whether a projection shortcut is added within the kernel of a convolution of x.</summary>
    public bool TakesShortcut(Tensor x, int outputs, ProjectionShortcut shortcut) =>
        AddsProjections && Takes(x.Shape.C) && Takes(outputs) && shortcut.X.HasTangent == x.HasTangent
        && (shortcut.XSkip is { } xSkip ? TakesTwoSources(shortcut.X, xSkip, outputs) : Takes(shortcut.X.Shape.C));
}

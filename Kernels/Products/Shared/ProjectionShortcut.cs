namespace TrigFlowNative.Kernels;

/// <summary>
/// The 1x1 convolution beside a residual block whose channels change, of other images, added to the block's last convolution. On Hopper's tensor
/// cores it is part of the same sum, and its own result is never stored.
/// </summary>
/// <param name="X">(N, H, W, C).</param>
/// <param name="XSkip">(N, H, W, C2), whose channels follow those of X, or null.</param>
/// <param name="Weight">(K, 1, 1, C + C2).</param>
/// <param name="Bias">(K), fp32; null exactly where the convolution has none.</param>
public sealed record ProjectionShortcut(Tensor X, Tensor? XSkip, Tensor Weight, Tensor? Bias)
{
    /// <summary>Channels of X and XSkip.</summary>
    internal int Channels => X.Shape.C + (XSkip?.Shape.C ?? 0);
}

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// The first element of a box of a four-dimensional image tensor: channel, column, line and image. A box may begin or end outside of the
/// tensor: what is loaded from there is zero, what is stored there is dropped.
/// </summary>
public struct ImageCoordinate
{
    /// <summary>Channel, column, line and image.</summary>
    public int C, W, H, N;
}

namespace TrigFlowNative.Kernels;

/// <summary>
/// The extents of a convolution in the form kernels take: x (N, H, W, C), weight (K, R, R, C), R = 1 or 3. Where R = 1
/// pixels have no neighbours, so all of them count as images of one pixel; a matrix product is such a convolution.
/// </summary>
internal struct ConvExtents
{
    public int N, H, W, C, K, R;

    /// <summary>Pixels of all images: the rows of the implicit matrix product.</summary>
    public readonly int Pixels => N * H * W;

    /// <summary>Taps of the filter, 1 or 9.</summary>
    public readonly int Taps => R * R;

    /// <summary>Of the product of a (rows, c) matrix with the transpose of a (k, c) matrix.</summary>
    public static ConvExtents Rows(long rows, int c, int k) => new() { N = (int)rows, H = 1, W = 1, C = c, K = k, R = 1 };
}

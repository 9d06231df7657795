namespace TrigFlowNative.Kernels;

/// <summary>
/// The extents of a convolution in the form that kernels take: x (N, H, W, C), weight (K, R, R, C), R = 1 or 3. If R = 1, pixels have no neighbours,
/// so each counts as an image of one pixel; a matrix product is such a convolution.
/// </summary>
internal struct ConvExtents
{
    /// <summary>Images, their height and width, input channels, output channels, and taps along an axis.</summary>
    public int N, H, W, C, K, R;

    /// <summary>Pixels of all images: the rows of the implicit matrix product.</summary>
    public readonly int Pixels => N * H * W;

    /// <summary>Taps of the filter, 1 or 9.</summary>
    public readonly int Taps => R * R;

    /// <summary>Returns the extents of the product of a (rows, c) matrix with the transpose of a (k, c) matrix.</summary>
    public static ConvExtents Rows(long rows, int c, int k) => new() { N = (int)rows, H = 1, W = 1, C = c, K = k, R = 1 };

    /// <summary>Returns the extents for all images stored in x or y, including a tangent's, with a weight (K, R, R, C).</summary>
    public static ConvExtents Of(Tensor images, Tensor weight) => weight.Shape[1] == 1
        ? Rows(images.StoredCount / images.Shape.C, weight.Shape.C, weight.Shape[0])
        : new() { N = images.StoredN, H = images.Shape.H, W = images.Shape.W, C = weight.Shape.C, K = weight.Shape[0], R = weight.Shape[1] };
}

namespace TrigFlowNative.Kernels;

/// <summary>Extents of a convolution in the form that kernels on mma.sync take.</summary>
internal struct MmaProblem
{
    /// <summary>Pixels of all images, and an image's height and width.</summary>
    public int Pixels, Height, Width;

    /// <summary>Input channels and filters (output channels), multiples of 8.</summary>
    public int Channels, Filters;

    /// <summary>Taps along an axis, 1 or 3.</summary>
    public int Size;

    /// <summary>Returns the extents of a convolution.</summary>
    public static MmaProblem Of(ConvExtents e) => new() { Pixels = e.Pixels, Height = e.H, Width = e.W, Channels = e.C, Filters = e.K, Size = e.R };
}

/// <summary>Extents of an <see cref="MmaTile"/> in the form that kernels take.</summary>
internal struct MmaTileShape
{
    /// <summary>Rows and columns of a block's tile.</summary>
    public int Rows, Columns;

    /// <summary>Rows and columns of a warp's sums.</summary>
    public int WarpRows, WarpColumns;

    /// <summary>M tiles of a product with this number of rows.</summary>
    public readonly int MTiles(int rows) => (rows + Rows - 1) / Rows;

    /// <summary>N tiles of a product with this number of columns.</summary>
    public readonly int NTiles(int columns) => (columns + Columns - 1) / Columns;
}

/// <summary>The argument of <see cref="MmaProduct.ForwardKernel"/>: y = alpha (conv(x) + bias) + beta residual.</summary>
internal struct MmaForwardArguments
{
    /// <summary>Addresses of images, filters (K, R, R, C) and output; of the bias, fp32, and of the residual, where the kernel has one.</summary>
    public long X, Weight, Y, Bias, Residual;

    /// <summary>The extents.</summary>
    public MmaProblem Problem;

    /// <summary>The tile: rows are pixels, columns filters.</summary>
    public MmaTileShape Tile;

    /// <summary>M tiles in a group of the raster.</summary>
    public int Grouped;

    /// <summary>Number of pixels that take the bias, from the first on.</summary>
    public int BiasedRows;

    /// <summary>Factor of the sum with its bias; factor of the residual.</summary>
    public float Alpha, Beta;
}

/// <summary>The argument of <see cref="MmaProduct.InputGradientKernel"/>: dx = alpha times the gradient, or dx += it in kernels that add.</summary>
internal struct MmaInputGradientArguments
{
    /// <summary>Addresses of the output's cotangent, the filters, and the input's cotangent.</summary>
    public long Dy, Weight, Dx;

    /// <summary>The extents.</summary>
    public MmaProblem Problem;

    /// <summary>The tile: rows are pixels, columns input channels.</summary>
    public MmaTileShape Tile;

    /// <summary>M tiles in a group of the raster.</summary>
    public int Grouped;

    /// <summary>Factor of the gradient.</summary>
    public float Alpha;
}

/// <summary>The argument of <see cref="MmaProduct.WeightGradientKernel"/>: alpha times sums over parts of the pixels.</summary>
internal struct MmaWeightGradientArguments
{
    /// <summary>Addresses of the images, the output's cotangent, and the sums (parts, K, R, R, C), fp32.</summary>
    public long X, Dy, Partials;

    /// <summary>The extents.</summary>
    public MmaProblem Problem;

    /// <summary>The tile: rows are filters, columns input channels at one tap.</summary>
    public MmaTileShape Tile;

    /// <summary>Pixels of a part.</summary>
    public int Span;

    /// <summary>
    /// Lines (modulo the image's height) and further columns in a step of 32 pixels. The host computes them, since the compiler would move a division
    /// into the loop.
    /// </summary>
    public int StepLines, StepColumns;

    /// <summary>Factor of the sums.</summary>
    public float Alpha;
}

namespace TrigFlowNative.Kernels;

/// <summary>A pixel that advances through the images in strides of 32, and its neighbour at one tap.</summary>
/// <remarks>The position advances by additions, since dividing the pixel's number again would take too long.</remarks>
internal struct MmaPixelWalk
{
    /// <summary>The pixel's number.</summary>
    public int Pixel;

    /// <summary>Offset from the pixel to its neighbour, in pixels.</summary>
    public readonly int Shift;

    private readonly int end, down, right;
    private int h, w;

    /// <summary>Starts at a pixel, for one tap; pixels from an end on do not count.</summary>
    public MmaPixelWalk(int pixel, int end, int tap, MmaProblem e)
    {
        Pixel = pixel;
        this.end = end;
        down = tap / 3 - e.Size / 2;
        right = tap % 3 - e.Size / 2;
        Shift = down * e.Width + right;
        h = pixel / e.Width % e.Height;
        w = pixel % e.Width;
    }

    /// <summary>Advances by 32 pixels, given as lines (modulo the image's height) and columns.</summary>
    public void Advance(int lines, int columns, int height, int width)
    {
        Pixel += MmaTile.Depth;
        w += columns;
        int wrapped = w >= width ? 1 : 0;
        w -= wrapped * width;
        h += lines + wrapped;
        h -= h >= height ? height : 0;
    }

    /// <summary>Returns 16, the bytes of a piece, if the pixel counts; otherwise 0.</summary>
    public readonly int Limit() => Pixel < end ? 16 : 0;

    /// <summary>Returns 16 if the pixel counts and its neighbour lies in the image; otherwise 0. A product, since conditions would branch.</summary>
    public readonly int NeighbourLimit(int height, int width) =>
        Limit() * ((uint)(h + down) < (uint)height ? 1 : 0) * ((uint)(w + right) < (uint)width ? 1 : 0);
}

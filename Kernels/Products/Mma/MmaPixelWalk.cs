namespace TrigFlowNative.Kernels;

/// <summary>A pixel that walks through the images in strides of 32, and its neighbour at one tap.</summary>
/// <remarks>The position advances by additions; dividing the pixel's number anew would take longer than it is worth.</remarks>
internal struct MmaPixelWalk
{
    /// <summary>The pixel's number.</summary>
    public int Pixel;

    /// <summary>Pixels from the pixel to its neighbour.</summary>
    public readonly int Shift;

    private readonly int end, down, right;
    private int h, w;

    public MmaPixelWalk(int pixel, int end, int tap, int height, int width, int size)
    {
        Pixel = pixel;
        this.end = end;
        down = tap / 3 - size / 2;
        right = tap % 3 - size / 2;
        Shift = down * width + right;
        h = pixel / width % height;
        w = pixel % width;
    }

    /// <summary>By 32 pixels, which are so many lines (modulo the image's) and columns.</summary>
    public void Advance(int lines, int columns, int height, int width)
    {
        Pixel += MmaTile.Depth;
        w += columns;
        int wrapped = w >= width ? 1 : 0;
        w -= wrapped * width;
        h += lines + wrapped;
        h -= h >= height ? height : 0;
    }

    /// <summary>16, the bytes of a piece, if the pixel counts; otherwise 0.</summary>
    public readonly int Limit() => Pixel < end ? 16 : 0;

    /// <summary>16 if the pixel counts and its neighbour lies in the image; otherwise 0. A product, since conditions would branch.</summary>
    public readonly int NeighbourLimit(int height, int width) =>
        Limit() * ((uint)(h + down) < (uint)height ? 1 : 0) * ((uint)(w + right) < (uint)width ? 1 : 0);
}

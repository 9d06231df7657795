using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The boxes of pixels that cover the images of a convolution (<see cref="PixelBox"/>), in the form that kernels take.</summary>
internal struct BoxGrid
{
    /// <summary>Number of images, their height and their width.</summary>
    public int N, H, W;

    /// <summary>Base-2 logarithms of a box's width and height.</summary>
    public int WidthLog, HeightLog;

    /// <summary>Number of boxes along the width of an image, and along its height.</summary>
    public int Across, Down;

    /// <summary>Number of all boxes.</summary>
    public int Count;

    /// <summary>Returns the first pixel of a box of 128; boxes are numbered along the width, then the height, then the images.</summary>
    public readonly Pixel Origin(int box)
    {
        int boxRow = box / Across, group = boxRow / Down;
        Pixel pixel;
        pixel.W = (box - boxRow * Across) << WidthLog;
        pixel.H = (boxRow - group * Down) << HeightLog;
        pixel.N = group << (7 - WidthLog - HeightLog);
        return pixel;
    }

    /// <summary>Returns the first pixel of half 0 or 1 of the box of 128 that begins at a pixel; the halves follow each other along the box's slowest axis.</summary>
    public readonly Pixel Half(Pixel origin, int half)
    {
        int axis = half * (WidthLog + HeightLog < 7 ? 3 : HeightLog > 0 ? 2 : 1); // 0 for the first half
        Pixel pixel;
        pixel.W = origin.W + (axis == 1 ? 64 : 0);
        pixel.H = origin.H + (axis == 2 ? 1 << (HeightLog - 1) : 0);
        pixel.N = origin.N + (axis == 3 ? 1 << (6 - WidthLog - HeightLog) : 0);
        return pixel;
    }

    /// <summary>Returns the pixel of a tile's row, where the tile's box begins at <paramref name="origin"/>.</summary>
    public readonly Pixel Row(Pixel origin, int row)
    {
        Pixel pixel;
        pixel.W = origin.W + (row & ((1 << WidthLog) - 1));
        pixel.H = origin.H + ((row >> WidthLog) & ((1 << HeightLog) - 1));
        pixel.N = origin.N + (row >> (WidthLog + HeightLog));
        return pixel;
    }

    /// <summary>Returns the number of a pixel among those of all images.</summary>
    public readonly int Number(Pixel pixel) => (pixel.N * H + pixel.H) * W + pixel.W;

    /// <summary>Returns 1 for a pixel of the images, 0 for one that only fills up a box.</summary>
    public readonly int Contains(Pixel pixel) => pixel.W < W && pixel.H < H && pixel.N < N ? 1 : 0;
}

/// <summary>A pixel by column, line and image.</summary>
internal struct Pixel
{
    /// <summary>Column, line and image.</summary>
    public int W, H, N;

    /// <summary>Returns the coordinate of the pixel's channels, from channel <paramref name="c"/> on, in an image tensor.</summary>
    public readonly ImageCoordinate Channel(int c)
    {
        ImageCoordinate at;
        at.C = c;
        at.W = W;
        at.H = H;
        at.N = N;
        return at;
    }
}

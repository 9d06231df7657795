using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The boxes of pixels that cover the images of a convolution (<see cref="PixelBox"/>), in the form kernels take.</summary>
internal struct BoxGrid
{
    /// <summary>Images, their height and their width.</summary>
    public int N, H, W;

    /// <summary>Base-2 logarithms of a box's width and height.</summary>
    public int WidthLog, HeightLog;

    /// <summary>Boxes side by side along the width of an image, and below one another along its height.</summary>
    public int Across, Down;

    /// <summary>Boxes in all.</summary>
    public int Count;

    /// <summary>The first pixel of a box of 128; boxes are numbered along the width, then the height, then the images.</summary>
    public readonly Pixel Origin(int box)
    {
        int boxRow = box / Across, group = boxRow / Down;
        Pixel pixel;
        pixel.W = (box - boxRow * Across) << WidthLog;
        pixel.H = (boxRow - group * Down) << HeightLog;
        pixel.N = group << (7 - WidthLog - HeightLog);
        return pixel;
    }

    /// <summary>The first pixel of a half of the box of 128 that begins at a pixel: half 1 follows half 0 along the box's slowest axis.</summary>
    public readonly Pixel Half(Pixel origin, int half)
    {
        int axis = half * (WidthLog + HeightLog < 7 ? 3 : HeightLog > 0 ? 2 : 1); // 0 for the first half
        Pixel pixel;
        pixel.W = origin.W + (axis == 1 ? 64 : 0);
        pixel.H = origin.H + (axis == 2 ? 1 << (HeightLog - 1) : 0);
        pixel.N = origin.N + (axis == 3 ? 1 << (6 - WidthLog - HeightLog) : 0);
        return pixel;
    }

    /// <summary>The pixel that a row of a tile stands for, whose box begins at a pixel.</summary>
    public readonly Pixel Row(Pixel origin, int row)
    {
        Pixel pixel;
        pixel.W = origin.W + (row & ((1 << WidthLog) - 1));
        pixel.H = origin.H + ((row >> WidthLog) & ((1 << HeightLog) - 1));
        pixel.N = origin.N + (row >> (WidthLog + HeightLog));
        return pixel;
    }

    /// <summary>The number of a pixel among those of all images.</summary>
    public readonly int Number(Pixel pixel) => (pixel.N * H + pixel.H) * W + pixel.W;

    /// <summary>1 for a pixel of the images, 0 for one that only fills a box up.</summary>
    public readonly int Contains(Pixel pixel) => pixel.W < W && pixel.H < H && pixel.N < N ? 1 : 0;
}

/// <summary>A pixel by column, line and image.</summary>
internal struct Pixel
{
    /// <summary>Column, line and image.</summary>
    public int W, H, N;

    /// <summary>The pixel's channels from one on, in an image tensor.</summary>
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

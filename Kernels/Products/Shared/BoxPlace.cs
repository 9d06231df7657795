namespace TrigFlowNative.Kernels;

/// <summary>Where a box of 128 pixels begins in the images, in the form kernels take: see <see cref="PixelBox"/>.</summary>
internal struct BoxPlace
{
    public int W, H, N;

    /// <summary>Of a box by number: across, then down, then along the images.</summary>
    public static BoxPlace Of(int box, int across, int down, int widthLog, int heightLog)
    {
        int boxRow = box / across, group = boxRow / down;
        BoxPlace place;
        place.W = (box - boxRow * across) << widthLog;
        place.H = (boxRow - group * down) << heightLog;
        place.N = group << (7 - widthLog - heightLog);
        return place;
    }

    /// <summary>The first half of the box, or the second, which lies behind it along the box's slowest axis.</summary>
    /// <param name="half">0 or 1.</param>
    /// <param name="widthLog">Logarithm of the box's width.</param>
    /// <param name="heightLog">Logarithm of the box's height.</param>
    public readonly BoxPlace Half(int half, int widthLog, int heightLog)
    {
        int axis = half * (widthLog + heightLog < 7 ? 3 : heightLog > 0 ? 2 : 1); // 0 for the first half
        BoxPlace place;
        place.W = W + (axis == 1 ? 64 : 0);
        place.H = H + (axis == 2 ? 1 << (heightLog - 1) : 0);
        place.N = N + (axis == 3 ? 1 << (6 - widthLog - heightLog) : 0);
        return place;
    }

    /// <summary>The pixel that a row of the tile stands for.</summary>
    public readonly BoxPlace Row(int row, int widthLog, int heightLog)
    {
        BoxPlace place;
        place.W = W + (row & ((1 << widthLog) - 1));
        place.H = H + ((row >> widthLog) & ((1 << heightLog) - 1));
        place.N = N + (row >> (widthLog + heightLog));
        return place;
    }
}

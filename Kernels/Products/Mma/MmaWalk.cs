namespace TrigFlowNative.Kernels;

/// <summary>
/// The terms of a convolution in the order of its product: 32 channels at a time, tap after tap. It advances by additions and products of selections,
/// since divisions and branches would stand between the tensor cores' instructions.
/// </summary>
internal struct MmaWalk
{
    /// <summary>The tap, and the first of its 32 channels.</summary>
    public int Tap, First;

    /// <summary>Offset from a pixel to its neighbour at the tap, in pixels.</summary>
    public int Shift;

    private int across;

    /// <summary>Starts at the first tap of a filter of <paramref name="size"/> by <paramref name="size"/> taps.</summary>
    public static MmaWalk Start(int size, int width) => new() { Shift = -(size / 2) * (width + 1) };

    /// <summary>Advances to the next 32 channels.</summary>
    public void Advance(int channels, int size, int width)
    {
        First += MmaTile.Depth;
        int wrapped = First >= channels ? 1 : 0;
        First *= 1 - wrapped;
        Tap += wrapped;
        across += wrapped;
        int turned = across == size ? 1 : 0;
        across *= 1 - turned;
        Shift += wrapped + turned * (width - size);
    }

    /// <summary>Returns 16, the bytes of a piece, if its channel and the tap exist; otherwise 0.</summary>
    public readonly int Limit(int piece, int channels, int size) =>
        16 * (First + piece < channels ? 1 : 0) * (Tap < size * size ? 1 : 0);

    /// <summary>
    /// Returns which taps of a pixel lie in its image, as bits from bit 4 on: a shift by the tap leaves 16 or 0, the bytes to copy, in bit 4. No tap
    /// of a pixel beyond the last does.
    /// </summary>
    public static int Inside(int pixel, MmaProblem e)
    {
        int h = pixel / e.Width % e.Height, w = pixel % e.Width;
        int across = (w > 0 ? 1 : 0) + 2 + (w < e.Width - 1 ? 4 : 0);
        int down = (h > 0 ? 1 : 0) + 8 + (h < e.Height - 1 ? 64 : 0);
        int taps = e.Size == 1 ? 1 : across * down;
        return pixel < e.Pixels ? 16 * taps : 0;
    }
}

using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Four pixels, 4 apart, that advance through the images in strides of 16, and their neighbours at one tap.</summary>
/// <remarks>Positions advance by additions, since dividing the pixel's number again would take longer than the products of a step.</remarks>
internal struct PatchLines
{
    private readonly int column, down, right, shift;
    private int h0, w0, h1, w1, h2, w2, h3, w3;

    public PatchLines(int pixel, int column, int tap, ConvExtents e)
    {
        this.column = column;
        down = tap / 3 - e.R / 2;
        right = tap % 3 - e.R / 2;
        shift = PatchRows.Shift(tap, e.C, e) + column;
        w0 = pixel % e.W;
        h0 = pixel / e.W % e.H;
        w1 = (pixel + 4) % e.W;
        h1 = (pixel + 4) / e.W % e.H;
        w2 = (pixel + 8) % e.W;
        h2 = (pixel + 8) / e.W % e.H;
        w3 = (pixel + 12) % e.W;
        h3 = (pixel + 12) / e.W % e.H;
    }

    /// <summary>Advances all four by 16 pixels, given as lines (modulo the image's height) and columns.</summary>
    public void Advance(int lines, int columns, ConvExtents e)
    {
        Advance(ref h0, ref w0, lines, columns, e);
        Advance(ref h1, ref w1, lines, columns, e);
        Advance(ref h2, ref w2, lines, columns, e);
        Advance(ref h3, ref w3, lines, columns, e);
    }

    /// <summary>
    /// Loads the neighbours, the first of them that of <paramref name="pixel"/>: channels from the column on; zeros outside of the image, beyond the
    /// last channel and for pixels from <paramref name="end"/> on.
    /// </summary>
    public readonly FourLoads Load<TAccess>(ArrayView<float> images, int pixel, int end, ConvExtents e)
        where TAccess : struct, IFloat4Access
    {
        int index = pixel * e.C + shift, line = 4 * e.C, left = end - pixel, count = e.C - column;
        return FourLoads.From<TAccess>(
            images,
            index, (left > 0 ? count : 0) * Inside(h0, w0, e),
            index + line, (left > 4 ? count : 0) * Inside(h1, w1, e),
            index + 2 * line, (left > 8 ? count : 0) * Inside(h2, w2, e),
            index + 3 * line, (left > 12 ? count : 0) * Inside(h3, w3, e));
    }

    private static void Advance(ref int h, ref int w, int lines, int columns, ConvExtents e)
    {
        w += columns;
        int wrapped = w >= e.W ? 1 : 0;
        w -= wrapped * e.W;
        h += lines + wrapped;
        h -= h >= e.H ? e.H : 0;
    }

    /// <summary>Returns 1 if the neighbour lies in the image, otherwise 0: a product of selections, since conditions would branch.</summary>
    private readonly int Inside(int h, int w, ConvExtents e) =>
        ((uint)(h + down) < (uint)e.H ? 1 : 0) * ((uint)(w + right) < (uint)e.W ? 1 : 0);
}

using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Four pixels, 16 apart, whose 1x1 or 3x3 neighbourhoods a thread reads tap by tap, four channels at a time.</summary>
internal readonly struct PatchRows
{
    private readonly int channel;
    private readonly int base0, base1, base2, base3;
    private readonly int taps0, taps1, taps2, taps3;

    public PatchRows(int pixel, int channel, int channels, ConvExtents e)
    {
        this.channel = channel;
        base0 = pixel * channels + channel;
        base1 = base0 + 16 * channels;
        base2 = base1 + 16 * channels;
        base3 = base2 + 16 * channels;
        taps0 = TapsInside(pixel, e);
        taps1 = TapsInside(pixel + 16, e);
        taps2 = TapsInside(pixel + 32, e);
        taps3 = TapsInside(pixel + 48, e);
    }

    /// <summary>Returns one bit for each tap at which the pixel's neighbour lies in the image; none for a pixel beyond the last.</summary>
    public static int TapsInside(int pixel, ConvExtents e)
    {
        if (pixel >= e.N * e.H * e.W)
            return 0;
        if (e.R == 1)
            return 1;
        int w = pixel % e.W, h = pixel / e.W % e.H;
        int line = (w > 0 ? 1 : 0) | 2 | (w < e.W - 1 ? 4 : 0);
        return (h > 0 ? line : 0) | (line << 3) | (h < e.H - 1 ? line << 6 : 0);
    }

    /// <summary>Offset from a pixel to its neighbour at a tap, in elements.</summary>
    public static int Shift(int tap, int channels, ConvExtents e) =>
        ((tap / 3 - e.R / 2) * e.W + tap % 3 - e.R / 2) * channels; // right for R = 1 too, whose only tap is 0

    /// <summary>Loads the neighbours at a tap, from channel <paramref name="first"/> on; zeros outside of the image and beyond the last channel.</summary>
    public FourLoads Load<TAccess>(ArrayView<float> images, int tap, int first, int channels, ConvExtents e)
        where TAccess : struct, IFloat4Access
    {
        int shift = Shift(tap, channels, e) + first, count = channels - first - channel;
        return FourLoads.From<TAccess>(
            images,
            base0 + shift, count * ((taps0 >> tap) & 1),
            base1 + shift, count * ((taps1 >> tap) & 1),
            base2 + shift, count * ((taps2 >> tap) & 1),
            base3 + shift, count * ((taps3 >> tap) & 1));
    }
}

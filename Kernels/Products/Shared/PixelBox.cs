namespace TrigFlowNative.Kernels;

/// <summary>
/// A box of pixels whose width, height and images are powers of two: the rows of a tile of a matrix product, or its k indices. A bulk tensor copy
/// reads it, shifted by a filter's tap, with zeros outside of the image.
/// </summary>
internal readonly record struct PixelBox(int Width, int Height, int Images)
{
    /// <summary>Pixels of the box.</summary>
    public int Pixels => Width * Height * Images;

    /// <summary>The first half of the box along its slowest axis; the pixels of the box are ordered along that axis last.</summary>
    public PixelBox Half => Images > 1 ? this with { Images = Images / 2 } : Height > 1 ? this with { Height = Height / 2 } : this with { Width = Width / 2 };

    /// <summary>Base-2 logarithm of the width.</summary>
    public int WidthLog => int.Log2(Width);

    /// <summary>Base-2 logarithm of the height.</summary>
    public int HeightLog => int.Log2(Height);

    /// <summary>Number of boxes along the width of an image.</summary>
    public int Across(ConvExtents e) => Ceiling(e.W, Width);

    /// <summary>Number of boxes along the height of an image.</summary>
    public int Down(ConvExtents e) => Ceiling(e.H, Height);

    /// <summary>Number of boxes that cover all images.</summary>
    public int Count(ConvExtents e) => checked(Across(e) * Down(e) * Ceiling(e.N, Images));

    /// <summary>The boxes that cover the images, in the form that kernels take.</summary>
    public BoxGrid Grid(ConvExtents e) => new()
    {
        N = e.N,
        H = e.H,
        W = e.W,
        WidthLog = WidthLog,
        HeightLog = HeightLog,
        Across = Across(e),
        Down = Down(e),
        Count = Count(e),
    };

    /// <summary>Returns the box of <paramref name="pixels"/> pixels, a power of two, that covers the images with the fewest boxes; among equals the widest.</summary>
    public static PixelBox Covering(ConvExtents e, int pixels)
    {
        PixelBox best = default;
        for (int width = pixels; width >= 1; width /= 2)
            for (int height = pixels / width; height >= 1; height /= 2)
            {
                var box = new PixelBox(width, height, pixels / width / height);
                if (best == default || box.Count(e) < best.Count(e))
                    best = box;
            }

        return best;
    }

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;
}

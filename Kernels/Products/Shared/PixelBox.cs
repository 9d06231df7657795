namespace TrigFlowNative.Kernels;

/// <summary>
/// A box of pixels, a power of two along width, height and images: the rows of a tile of a matrix product, or its k indices. The copy engine brings
/// it, shifted by a filter's tap, with zeros where it leaves the image.
/// </summary>
internal readonly record struct PixelBox(int Width, int Height, int Images)
{
    /// <summary>Pixels of the box.</summary>
    public int Pixels => Width * Height * Images;

    /// <summary>The first half of the box along its slowest axis, in whose order the pixels of the box follow one another.</summary>
    public PixelBox Half => Images > 1 ? this with { Images = Images / 2 } : Height > 1 ? this with { Height = Height / 2 } : this with { Width = Width / 2 };

    /// <summary>Logarithm of the width.</summary>
    public int WidthLog => int.Log2(Width);

    /// <summary>Logarithm of the height.</summary>
    public int HeightLog => int.Log2(Height);

    /// <summary>Boxes side by side along the width of images.</summary>
    public int Across(ConvExtents e) => Ceiling(e.W, Width);

    /// <summary>Boxes one below another along the height of images.</summary>
    public int Down(ConvExtents e) => Ceiling(e.H, Height);

    /// <summary>Boxes that cover all images.</summary>
    public int Count(ConvExtents e) => checked(Across(e) * Down(e) * Ceiling(e.N, Images));

    /// <summary>The boxes that cover the images, in the form kernels take.</summary>
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

    /// <summary>The box of so many pixels, a power of two, that covers the images with the fewest boxes; of equals the widest.</summary>
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

using SkiaSharp;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Files;

/// <summary>Arranges images in a grid and writes it as one PNG.</summary>
public static class ImageGrid
{
    private const int Padding = 2;
    private const int GapBetweenGrids = 16;
    private static readonly SKColor Background = new(255, 255, 255);

    /// <summary>Writes one grid, filled row by row.</summary>
    /// <param name="path">The PNG, replaced through <see cref="AtomicFile"/>.</param>
    /// <param name="images">The images, at least one.</param>
    /// <param name="columns">Images per row; 0 takes the smallest square that holds all images.</param>
    /// <param name="scale">Pixels of the picture per pixel of an image, without interpolation; 0 enlarges tiny images to about 64 pixels.</param>
    /// <exception cref="ArgumentException">There are no images, or a number is negative.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="InvalidOperationException">The PNG encoder fails.</exception>
    public static void Write(string path, ByteImages images, int columns = 0, int scale = 0) => WriteSideBySide(path, [images], columns, scale);

    /// <summary>Writes several grids side by side, such as a teacher's samples on the left and a student's on the right.</summary>
    /// <param name="path">The PNG, replaced through <see cref="AtomicFile"/>.</param>
    /// <param name="grids">The images of each grid, from left to right; at least one grid, with at least one image each.</param>
    /// <param name="columns">See <see cref="Write"/>.</param>
    /// <param name="scale">See <see cref="Write"/>.</param>
    /// <exception cref="ArgumentException">There is no grid, a grid has no images, or a number is negative.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="InvalidOperationException">The PNG encoder fails.</exception>
    public static void WriteSideBySide(string path, IReadOnlyList<ByteImages> grids, int columns = 0, int scale = 0)
    {
        ArgumentNullException.ThrowIfNull(grids);
        if (grids.Count == 0 || grids.Any(grid => grid.Count == 0))
            throw new ArgumentException("a grid needs at least one image", nameof(grids));
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        ArgumentOutOfRangeException.ThrowIfNegative(scale);
        List<Panel> panels = [.. grids.Select(grid => new Panel(grid, columns, scale))];
        int width = panels.Sum(panel => panel.Width) + GapBetweenGrids * (panels.Count - 1);
        int height = panels.Max(panel => panel.Height);

        using SKBitmap picture = new(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        picture.Erase(Background);
        int left = 0;
        foreach (Panel panel in panels)
        {
            panel.Draw(picture.GetPixelSpan(), picture.RowBytes, left);
            left += panel.Width + GapBetweenGrids;
        }

        using SKData png = picture.Encode(SKEncodedImageFormat.Png, 100) ?? throw new InvalidOperationException("the PNG encoder failed");
        AtomicFile.Write(path, png.SaveTo);
    }

    private sealed class Panel
    {
        private readonly ByteImages images;
        private readonly int columns;
        private readonly int scale;

        internal Panel(ByteImages images, int columns, int scale)
        {
            this.images = images;
            this.columns = Math.Min(images.Count, columns > 0 ? columns : (int)Math.Ceiling(Math.Sqrt(images.Count)));
            this.scale = scale > 0 ? scale : Math.Clamp(64 / Math.Max(images.Width, images.Height), 1, 4);
            int rows = (images.Count + this.columns - 1) / this.columns;
            Width = Padding + this.columns * PitchX;
            Height = Padding + rows * PitchY;
        }

        internal int Width { get; }

        internal int Height { get; }

        private int PitchX => images.Width * scale + Padding;

        private int PitchY => images.Height * scale + Padding;

        internal void Draw(Span<byte> rgba, int rowBytes, int left)
        {
            for (int index = 0; index < images.Count; index++)
            {
                int x0 = left + Padding + index % columns * PitchX;
                int y0 = Padding + index / columns * PitchY;
                ReadOnlySpan<byte> image = images[index];
                for (int y = 0; y < images.Height * scale; y++)
                {
                    Span<byte> row = rgba.Slice((y0 + y) * rowBytes + x0 * 4, images.Width * scale * 4);
                    ReadOnlySpan<byte> source = image.Slice(y / scale * images.Width * images.Channels, images.Width * images.Channels);
                    DrawRow(row, source);
                }
            }
        }

        private void DrawRow(Span<byte> row, ReadOnlySpan<byte> source)
        {
            // Green and blue are the same byte as red in a gray image.
            int green = images.Channels == 1 ? 0 : 1;
            int blue = images.Channels == 1 ? 0 : 2;
            for (int x = 0; x < images.Width * scale; x++)
            {
                int pixel = x / scale * images.Channels;
                row[4 * x] = source[pixel];
                row[4 * x + 1] = source[pixel + green];
                row[4 * x + 2] = source[pixel + blue];
                row[4 * x + 3] = 255;
            }
        }
    }
}

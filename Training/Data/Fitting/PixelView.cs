namespace TrigFlowNative.Training.Data;

/// <summary>
/// An image in memory as it is to be seen: a part of it, in one of EXIF's eight orientations. The pixels stay where they are; only the steps from
/// row to row and from column to column differ, so that an image of hundreds of megabytes needs no second copy.
/// </summary>
internal readonly ref struct PixelView
{
    private readonly ReadOnlySpan<byte> bytes;
    private readonly int origin;
    private readonly int rowStep;
    private readonly int columnStep;

    private PixelView(ReadOnlySpan<byte> bytes, int height, int width, int channels, int origin, int rowStep, int columnStep)
    {
        this.bytes = bytes;
        (Height, Width, Channels) = (height, width, channels);
        (this.origin, this.rowStep, this.columnStep) = (origin, rowStep, columnStep);
    }

    /// <summary>Height in pixels.</summary>
    internal int Height { get; }

    /// <summary>Width in pixels.</summary>
    internal int Width { get; }

    /// <summary>Channels that count, 1 or 3; the first bytes of each pixel.</summary>
    internal int Channels { get; }

    /// <summary>A whole image, row by row.</summary>
    /// <param name="bytes">Height x width pixels of <paramref name="pixelBytes"/> bytes.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="channels">Channels, 1 or 3.</param>
    /// <param name="pixelBytes">Distance from pixel to pixel in bytes, at least <paramref name="channels"/>.</param>
    internal static PixelView Of(ReadOnlySpan<byte> bytes, int height, int width, int channels, int pixelBytes) =>
        new(bytes, height, width, channels, origin: 0, width * pixelBytes, pixelBytes);

    /// <summary>The image turned and mirrored as EXIF's tag 0x0112 says: 1 (as stored) to 8.</summary>
    internal PixelView Oriented(int orientation)
    {
        // EXIF names the sides at which the stored first row and first column are to be seen: 6, for example, the right and the top.
        int lastRow = origin + (Height - 1) * rowStep;
        int lastColumn = origin + (Width - 1) * columnStep;
        int lastPixel = lastRow + (Width - 1) * columnStep;
        return orientation switch
        {
            2 => new(bytes, Height, Width, Channels, lastColumn, rowStep, -columnStep),
            3 => new(bytes, Height, Width, Channels, lastPixel, -rowStep, -columnStep),
            4 => new(bytes, Height, Width, Channels, lastRow, -rowStep, columnStep),
            5 => new(bytes, Width, Height, Channels, origin, columnStep, rowStep),
            6 => new(bytes, Width, Height, Channels, lastRow, columnStep, -rowStep),
            7 => new(bytes, Width, Height, Channels, lastPixel, -columnStep, -rowStep),
            8 => new(bytes, Width, Height, Channels, lastColumn, -columnStep, rowStep),
            _ => this,
        };
    }

    /// <summary>The largest centred square.</summary>
    internal PixelView CentredSquare()
    {
        int side = Math.Min(Height, Width);
        return new(bytes, side, side, Channels, origin + (Height - side) / 2 * rowStep + (Width - side) / 2 * columnStep, rowStep, columnStep);
    }

    /// <summary>Copies a row, converted to <paramref name="channels"/> channels: gray to colour by copying, colour to gray by luma.</summary>
    /// <param name="y">Row, 0 to <see cref="Height"/> - 1.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="row">Receives (<see cref="Width"/>, <paramref name="channels"/>).</param>
    internal void ReadRow(int y, int channels, Span<byte> row)
    {
        int at = origin + y * rowStep;
        if (channels == Channels && columnStep == channels)
        {
            bytes.Slice(at, Width * channels).CopyTo(row);
        }
        else if (channels == 3 && Channels == 3)
        {
            for (int to = 0; to < 3 * Width; to += 3, at += columnStep)
                (row[to], row[to + 1], row[to + 2]) = (bytes[at], bytes[at + 1], bytes[at + 2]);
        }
        else if (channels == 3)
        {
            for (int x = 0; x < Width; x++, at += columnStep)
                row.Slice(3 * x, 3).Fill(bytes[at]);
        }
        else
        {
            // Luma of ITU-R BT.601, the usual meaning of "gray" for stored images.
            for (int x = 0; x < Width; x++, at += columnStep)
                row[x] = Channels == 1 ? bytes[at] : (byte)((299 * bytes[at] + 587 * bytes[at + 1] + 114 * bytes[at + 2] + 500) / 1000);
        }
    }
}

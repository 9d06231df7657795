using System.Buffers;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// The crop by which the field makes its data sets of ImageNet, which EDM's programs call center-crop-dhariwal (arXiv:2105.05233): an image is halved by a box filter
/// while its shorter side is at least twice the wanted one, then resampled by a cubic filter so that its shorter side is the wanted one, and its centre is cut out.
/// </summary>
/// <param name="size">Height and width in pixels of the result, at least 1.</param>
internal sealed class CentreCrop(int size)
{
    private const long MaxBytes = 1 << 30;

    /// <summary>Crops an image. Thread-safe.</summary>
    /// <param name="source">The image as it is to be seen.</param>
    /// <param name="target">Receives (size, size, 3).</param>
    /// <returns>Why the image is refused; null if it is accepted.</returns>
    internal string? Apply(PixelView source, Span<byte> target)
    {
        (int height, int width) = (source.Height, source.Width);
        if ((long)size * size * 3 / Math.Min(height, width) * Math.Max(height, width) > MaxBytes)
            return $"has {width} x {height} pixels, too narrow a strip for {size} x {size}";
        byte[] image = ArrayPool<byte>.Shared.Rent(3 * height * width);
        for (int y = 0; y < height; y++)
            source.ReadRow(y, channels: 3, image.AsSpan(3 * y * width, 3 * width));
        while (Math.Min(height, width) >= 2 * size)
        {
            Resample(ref image, FixedPointFilter.Box(width, width / 2), FixedPointFilter.Box(height, height / 2));
            (height, width) = (height / 2, width / 2);
        }

        double scale = size / (double)Math.Min(height, width);
        int newWidth = (int)Math.Round(width * scale, MidpointRounding.ToEven), newHeight = (int)Math.Round(height * scale, MidpointRounding.ToEven);
        Resample(ref image, FixedPointFilter.Cubic(width, newWidth), FixedPointFilter.Cubic(height, newHeight));
        int top = (newHeight - size) / 2, left = (newWidth - size) / 2;
        for (int y = 0; y < size; y++)
            image.AsSpan(3 * ((top + y) * newWidth + left), 3 * size).CopyTo(target[(3 * y * size)..]);
        ArrayPool<byte>.Shared.Return(image);
        return null;
    }

    /// <summary>Resamples rows, then columns; an axis that keeps its extent stays as it is.</summary>
    private static void Resample(ref byte[] image, FixedPointFilter columns, FixedPointFilter rows)
    {
        if (columns.From != columns.To)
        {
            byte[] narrow = ArrayPool<byte>.Shared.Rent(3 * rows.From * columns.To);
            columns.Rows(image, narrow, rows.From);
            ArrayPool<byte>.Shared.Return(image);
            image = narrow;
        }

        if (rows.From == rows.To)
            return;
        byte[] flat = ArrayPool<byte>.Shared.Rent(3 * rows.To * columns.To);
        rows.Columns(image, flat, 3 * columns.To);
        ArrayPool<byte>.Shared.Return(image);
        image = flat;
    }
}

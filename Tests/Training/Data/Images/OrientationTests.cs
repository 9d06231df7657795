using SkiaSharp;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Cameras store images as the sensor lies and say in EXIF how to turn them.</summary>
public class OrientationTests
{
    private const int Width = 37, Height = 24;

    /// <summary>
    /// EXIF 2.32, tag 0x0112: at which side of the visible image the stored first row lies, and at which the stored first column.
    /// </summary>
    public static TheoryData<int, string, string> Orientations => new()
    {
        { 1, "top", "left" },
        { 2, "top", "right" },
        { 3, "bottom", "right" },
        { 4, "bottom", "left" },
        { 5, "left", "top" },
        { 6, "right", "top" },
        { 7, "right", "bottom" },
        { 8, "left", "bottom" },
    };

    [Theory]
    [MemberData(nameof(Orientations))]
    public void Jpeg_is_turned_as_exif_says(int orientation, string firstRow, string firstColumn)
    {
        byte[] jpeg = TestJpeg.Encode(Width, Height);
        byte[] seen = Turn(Stored(jpeg), firstRow, firstColumn, out int height, out int width);
        foreach ((int resolution, int channels) in new[] { (24, 3), (28, 3), (10, 3), (24, 1) })
        {
            ImageFit fit = new(resolution, channels);
            byte[] expected = new byte[resolution * resolution * channels];
            fit.Apply(seen, height, width, 3, expected);
            foreach (bool bigEndian in new[] { false, true })
                Assert.Equal(expected, Decode(TestJpeg.WithOrientation(jpeg, orientation, bigEndian), fit));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(65535)]
    public void Orientation_that_does_not_exist_changes_nothing(int orientation)
    {
        byte[] jpeg = TestJpeg.Encode(Width, Height);
        Assert.Equal(Decode(jpeg, new ImageFit(24, 3)), Decode(TestJpeg.WithOrientation(jpeg, orientation, bigEndian: true), new ImageFit(24, 3)));
    }

    /// <summary>PNG's chunk eXIf, of 2017, is passed over, as the codec does not report it.</summary>
    [Fact]
    public void Png_is_read_as_it_is_stored()
    {
        byte[] stored = [.. Enumerable.Range(0, Width * Height * 3).Select(i => TestImages.PixelOf(i / 300, i))];
        byte[] png = TestPng.Encode(stored, Height, Width, 3);
        byte[] turned = [.. png[..33], .. TestPng.Chunk("eXIf"u8, TestJpeg.Tiff(6, bigEndian: true)), .. png[33..]];
        Assert.Equal(Decode(png, new ImageFit(24, 3)), Decode(turned, new ImageFit(24, 3)));
    }

    private static byte[] Decode(byte[] encoded, ImageFit fit)
    {
        byte[] fitted = new byte[fit.Resolution * fit.Resolution * fit.Channels];
        Assert.Null(ImageDecoder.Decode(encoded, fit, fitted));
        return fitted;
    }

    private static byte[] Stored(byte[] jpeg)
    {
        using SKBitmap bitmap = SKBitmap.Decode(jpeg, new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Premul));
        return [.. bitmap.Bytes.Where((_, i) => i % 4 != 3)];
    }

    /// <summary>Puts each stored pixel where its row and its column are to be seen.</summary>
    private static byte[] Turn(byte[] stored, string firstRow, string firstColumn, out int height, out int width)
    {
        bool upright = firstRow is "top" or "bottom";
        (height, width) = upright ? (Height, Width) : (Width, Height);
        byte[] seen = new byte[stored.Length];
        for (int row = 0; row < Height; row++)
        {
            for (int column = 0; column < Width; column++)
            {
                int fromRows = firstRow is "top" or "left" ? row : Height - 1 - row;
                int fromColumns = firstColumn is "top" or "left" ? column : Width - 1 - column;
                (int y, int x) = upright ? (fromRows, fromColumns) : (fromColumns, fromRows);
                stored.AsSpan((row * Width + column) * 3, 3).CopyTo(seen.AsSpan((y * width + x) * 3));
            }
        }

        return seen;
    }
}

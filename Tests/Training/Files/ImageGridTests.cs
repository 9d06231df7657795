using SkiaSharp;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class ImageGridTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Images_stand_in_rows_with_white_between()
    {
        byte[] pixels = [.. Enumerable.Range(0, 5 * 2 * 3 * 3).Select(i => (byte)(i * 2 + 1))];
        string path = temp.File("grid.png");
        ImageGrid.Write(path, new ByteImages(pixels, 5, 2, 3, 3), columns: 2, scale: 2);

        using SKBitmap picture = SKBitmap.Decode(path);
        Assert.Equal((2 + 2 * (6 + 2), 2 + 3 * (4 + 2)), (picture.Width, picture.Height));
        SKColor[] expected = [.. Enumerable.Repeat(SKColors.White, picture.Width * picture.Height)];
        for (int index = 0; index < 5; index++)
        {
            for (int y = 0; y < 4; y++)
            {
                for (int x = 0; x < 6; x++)
                {
                    int p = ((index * 2 + y / 2) * 3 + x / 2) * 3;
                    expected[(2 + index / 2 * 6 + y) * picture.Width + 2 + index % 2 * 8 + x] = new SKColor(pixels[p], pixels[p + 1], pixels[p + 2]);
                }
            }
        }

        Assert.Equal(expected, picture.Pixels);
    }

    [Fact]
    public void Gray_and_colour_grids_stand_side_by_side()
    {
        string path = temp.File("grid.png");
        ImageGrid.WriteSideBySide(path, [new ByteImages(new byte[] { 10, 200 }, 2, 1, 1, 1), new ByteImages(new byte[] { 1, 2, 3 }, 1, 1, 1, 3)], scale: 1);
        using SKBitmap picture = SKBitmap.Decode(path);
        Assert.Equal((8 + 16 + 5, 5), (picture.Width, picture.Height));
        Assert.Equal(new SKColor(10, 10, 10), picture.GetPixel(2, 2));
        Assert.Equal(new SKColor(200, 200, 200), picture.GetPixel(5, 2));
        Assert.Equal(new SKColor(1, 2, 3), picture.GetPixel(26, 2));
        Assert.Equal(2 + 1, picture.Pixels.Count(color => color != SKColors.White));
    }

    [Fact]
    public void Tiny_images_are_enlarged_by_whole_numbers_and_squares_preferred()
    {
        string path = temp.File("grid.png");
        ImageGrid.Write(path, new ByteImages(new byte[7 * 16 * 16], 7, 16, 16, 1));
        using SKBitmap picture = SKBitmap.Decode(path);
        Assert.Equal((2 + 3 * 66, 2 + 3 * 66), (picture.Width, picture.Height));
    }

    public void Dispose() => temp.Dispose();
}

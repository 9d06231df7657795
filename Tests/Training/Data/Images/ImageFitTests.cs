using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class ImageFitTests
{
    [Theory]
    [InlineData(8, 8)]
    [InlineData(6, 8)]
    [InlineData(7, 8)]
    public void Image_smaller_by_a_quarter_or_less_is_framed(int side, int resolution)
    {
        byte[] source = [.. Enumerable.Range(1, side * side * 3).Select(i => (byte)(i % 250 + 1))];
        byte[] fitted = Fit(source, side, side, 3, resolution, 3);
        int margin = (resolution - side) / 2;
        for (int y = 0; y < resolution; y++)
        {
            for (int x = 0; x < resolution * 3; x++)
            {
                (int sy, int sx) = (y - margin, x - 3 * margin);
                bool inside = sy >= 0 && sy < side && sx >= 0 && sx < 3 * side;
                Assert.Equal(inside ? source[sy * side * 3 + sx] : 0, fitted[y * resolution * 3 + x]);
            }
        }
    }

    [Fact]
    public void Colour_becomes_gray_by_luma_and_gray_becomes_colour_by_copying()
    {
        byte[] colors = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
        Assert.Equal([76, 150, 29, 255], Fit(colors, 2, 2, 3, 2, 1));
        Assert.Equal([9, 9, 9, 8, 8, 8, 7, 7, 7, 6, 6, 6], Fit([9, 8, 7, 6], 2, 2, 1, 2, 3));
    }

    [Fact]
    public void Centred_square_is_cut_from_wide_and_tall_images()
    {
        byte[] counted = [.. Enumerable.Range(0, 15).Select(i => (byte)i)];
        Assert.Equal([1, 2, 3, 6, 7, 8, 11, 12, 13], Fit(counted, 3, 5, 1, 3, 1));
        Assert.Equal([3, 4, 5, 6, 7, 8, 9, 10, 11], Fit(counted, 5, 3, 1, 3, 1));
    }

    [Theory]
    [InlineData(5, 12)]
    [InlineData(37, 8)]
    [InlineData(64, 16)]
    [InlineData(1, 4)]
    [InlineData(3, 16)]
    public void Resampling_agrees_with_a_float64_sum_over_the_whole_image(int from, int to)
    {
        byte[] source = [.. Enumerable.Range(0, from * from * 3).Select(i => TestImages.PixelOf(from, i))];
        byte[] fitted = new byte[to * to * 3];
        new Resampler(from, to).Apply(source, 3, fitted);
        double[,] weights = Weights(from, to);
        for (int y = 0; y < to; y++)
        {
            for (int x = 0; x < to; x++)
            {
                for (int c = 0; c < 3; c++)
                {
                    double sum = 0;
                    for (int sy = 0; sy < from; sy++)
                    {
                        for (int sx = 0; sx < from; sx++)
                            sum += weights[y, sy] * weights[x, sx] * source[(sy * from + sx) * 3 + c];
                    }

                    // Rounded, then one step of room where float32 falls on the other side of a half.
                    Assert.InRange(fitted[(y * to + x) * 3 + c], Math.Clamp(sum, 0, 255) - 0.501, Math.Clamp(sum, 0, 255) + 0.501);
                }
            }
        }
    }

    [Fact]
    public void Halving_a_constant_image_keeps_it_and_a_fine_pattern_averages_out()
    {
        Assert.All(Fit([.. Enumerable.Repeat((byte)93, 32 * 32)], 32, 32, 1, 16, 1), value => Assert.Equal(93, value));
        byte[] stripes = [.. Enumerable.Range(0, 32 * 32).Select(i => (byte)(i % 2 * 200))];
        byte[] halved = Fit(stripes, 32, 32, 1, 8, 1);
        Assert.All(Enumerable.Range(0, 8).Select(y => halved[y * 8 + 4]), value => Assert.InRange(value, 98, 102));
    }

    private static byte[] Fit(byte[] source, int height, int width, int channels, int resolution, int toChannels)
    {
        byte[] fitted = new byte[resolution * resolution * toChannels];
        new ImageFit(resolution, toChannels).Apply(source, height, width, channels, fitted);
        return fitted;
    }

    private static double[,] Weights(int from, int to)
    {
        double[,] weights = new double[to, from];
        double scale = (double)from / to;
        double stretch = Math.Max(scale, 1);
        for (int i = 0; i < to; i++)
        {
            double sum = 0;
            for (int j = 0; j < from; j++)
                sum += weights[i, j] = Keys(((j + 0.5) - (i + 0.5) * scale) / stretch);
            for (int j = 0; j < from; j++)
                weights[i, j] /= sum;
        }

        return weights;
    }

    // Keys 1981, equation 15.
    private static double Keys(double s)
    {
        s = Math.Abs(s);
        return s < 1 ? 1.5 * Math.Pow(s, 3) - 2.5 * s * s + 1 : s < 2 ? -0.5 * Math.Pow(s, 3) + 2.5 * s * s - 4 * s + 2 : 0;
    }
}

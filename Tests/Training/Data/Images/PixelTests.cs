using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class PixelTests
{
    [Fact]
    public void Every_byte_survives_the_way_to_the_model_and_back()
    {
        byte[] bytes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        float[] values = new float[256];
        PixelScaling.ToModel(bytes, values);
        Assert.Equal((-1f, 1f), (values[0], values[255]));
        for (int i = 0; i < 256; i++)
            Assert.Equal(i / 127.5 - 1, values[i], 1e-7);
        byte[] back = new byte[256];
        PixelScaling.ToBytes(values, back);
        Assert.Equal(bytes, back);
    }

    [Fact]
    public void Values_are_rounded_and_clamped()
    {
        float[] values = [-1.01f, 1.2f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e30f, 0f, 0.4f / 127.5f, 1.1f / 127.5f, 253.4f / 127.5f - 1];
        byte[] bytes = new byte[values.Length];
        PixelScaling.ToBytes(values, bytes);
        Assert.Equal([0, 255, 0, 255, 0, 255, 128, 128, 129, 253], bytes);
    }

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(37, 5, 7, 3)]
    [InlineData(500, 8, 4, 1)]
    public void Sigma_data_is_the_standard_deviation_over_all_pixels(int count, int height, int width, int channels)
    {
        TestImages data = new(count, height, width, channels);
        double[] values = [.. TestImages.ReadAll(data).SelectMany(image => image).Select(pixel => pixel / 127.5 - 1)];
        double mean = values.Average();
        double deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));

        PixelStatistics measured = PixelStatistics.Measure(data);

        Assert.Equal(mean, measured.Mean, 1e-12);
        Assert.Equal(deviation, measured.SigmaData, 1e-12);
        Assert.Equal(measured, PixelStatistics.Measure(data));
    }
}

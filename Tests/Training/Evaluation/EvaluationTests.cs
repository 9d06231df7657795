using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class EvaluationTests
{
    [Fact]
    public void Distance_of_a_set_to_itself_in_another_order_is_zero()
    {
        float[] a = Rows(50, 3, 1, shift: 0);
        float[] b = [.. a.Chunk(3).Reverse().SelectMany(row => row)];
        Assert.Equal(0, SlicedWasserstein.Distance(a, b, 3), 6);
    }

    /// <summary>A shift by v moves every projection by its component along the direction: E|cos| |v|, in two dimensions 2/pi |v|.</summary>
    [Fact]
    public void Distance_of_a_shifted_set_is_the_mean_projected_shift()
    {
        float[] a = Rows(400, 2, 1, shift: 0);
        float[] b = [.. a.Select((value, i) => i % 2 == 0 ? value + 3 : value + 4)];
        Assert.Equal(5 * 2 / Math.PI, SlicedWasserstein.Distance(a, b, 2, directions: 4000), 1);
    }

    [Fact]
    public void Sets_of_different_size_are_refused() =>
        Assert.Throws<ArgumentException>(() => SlicedWasserstein.Distance(new float[6], new float[9], 3));

    [Fact]
    public void Pyramid_of_a_constant_image_has_no_band()
    {
        float[] image = [.. Enumerable.Repeat(0.7f, 16 * 8 * 3)];
        IReadOnlyList<LaplacianPyramid.Level> levels = LaplacianPyramid.Build(image, 16, 8, 3, 2);
        Assert.All(levels[0].Values, value => Assert.Equal(0, value, 5));
        Assert.All(levels[1].Values, value => Assert.Equal(0.7f, value, 5));
        Assert.Equal((8, 4), (levels[1].Height, levels[1].Width));
    }

    [Fact]
    public void Noise_is_farther_from_images_than_other_images_are()
    {
        byte[] first = Discs(64, 1), second = Discs(64, 2);
        byte[] noise = new byte[first.Length];
        new Random(3).NextBytes(noise);
        Dictionary<string, double> near = Measure(first, second), far = Measure(first, noise);
        Assert.Equal(["pixels", "pyramid", "level 16x16", "level 8x8"], near.Keys);
        Assert.All(["pixels", "pyramid"], name => Assert.True(far[name] > 2 * near[name], $"{name}: {near[name]} and {far[name]}"));
    }

    [Fact]
    public void Images_of_another_size_are_refused() =>
        Assert.Throws<ArgumentException>(() => new SlicedWassersteinMetric().Measure(new ByteImages(new byte[64], 1, 8, 8, 1), new ByteImages(new byte[256], 1, 16, 16, 1)));

    [Fact]
    public void A_metric_is_found_by_its_name_alone()
    {
        Assert.IsType<SlicedWassersteinMetric>(MetricRegistry.Find("sliced-wasserstein"));
        Assert.Contains("sliced-wasserstein", Assert.Throws<ArgumentException>(() => MetricRegistry.Find("sliced")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => MetricRegistry.Add("sliced-wasserstein", new SlicedWassersteinMetric()));
    }

    private static Dictionary<string, double> Measure(byte[] reference, byte[] images) =>
        new SlicedWassersteinMetric().Measure(Gray(reference), Gray(images)).ToDictionary(value => value.Name, value => value.Value);

    private static ByteImages Gray(byte[] pixels) => new(pixels, pixels.Length / 256, 16, 16, 1);

    private static float[] Rows(int rows, int dimensions, int seed, float shift)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows * dimensions).Select(_ => random.NextSingle() + shift)];
    }

    private static byte[] Discs(int count, int seed)
    {
        var random = new Random(seed);
        byte[] images = new byte[count * 256];
        for (int n = 0; n < count; n++)
        {
            double cy = 4 + 8 * random.NextDouble(), cx = 4 + 8 * random.NextDouble(), radius = 2 + 3 * random.NextDouble();
            for (int i = 0; i < 256; i++)
                images[n * 256 + i] = Math.Pow(i / 16 - cy, 2) + Math.Pow(i % 16 - cx, 2) < radius * radius ? (byte)230 : (byte)20;
        }

        return images;
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class SyntheticShapesTests
{
    private const int Resolution = 16;

    private static readonly IImageDataset Shapes = SyntheticShapes.Draw(RandomPurpose.TrainShapes, 600, Resolution, 3);

    [Fact]
    public void Drawing_again_gives_the_same_and_held_out_images_are_others()
    {
        byte[][] images = TestImages.ReadAll(Shapes);
        IImageDataset fewer = SyntheticShapes.Draw(RandomPurpose.TrainShapes, 100, Resolution, 3);
        Assert.Equal(images[..100], TestImages.ReadAll(fewer));
        HashSet<string> all = [.. images.Select(Convert.ToHexString)];
        Assert.Equal(600, all.Count);
        IImageDataset heldOut = SyntheticShapes.Draw(RandomPurpose.HeldOutShapes, 600, Resolution, 3);
        Assert.DoesNotContain(TestImages.ReadAll(heldOut).Select(Convert.ToHexString), all.Contains);
    }

    [Fact]
    public void Data_set_of_the_name_has_two_disjoint_parts()
    {
        DatasetSplit split = ImageDataset.Open(ImageDataset.Synthetic, 8, 3);
        Assert.Equal((65_536, 4096, 5, 5), (split.Train.Count, split.HeldOut.Count, split.Train.LabelCount, split.HeldOut.LabelCount));
        HashSet<string> train = [.. TestImages.ReadAll(split.Train).Select(Convert.ToHexString)];
        Assert.Equal(65_536, train.Count);
        Assert.DoesNotContain(TestImages.ReadAll(split.HeldOut).Select(Convert.ToHexString), train.Contains);
    }

    [Fact]
    public void Every_kind_appears_about_equally_often()
    {
        Assert.Equal(5, Shapes.LabelCount);
        for (int kind = 0; kind < 5; kind++)
            Assert.InRange(TestImages.LabelsOf(Shapes).Count(label => label == kind), 80, 160);
    }

    [Fact]
    public void Shape_is_large_stands_out_and_keeps_clear_of_the_border()
    {
        foreach (byte[] image in TestImages.ReadAll(Shapes))
        {
            // The corners show the ground; the shape is all pixels that differ clearly from it.
            int[] corners = [0, Resolution - 1, Resolution * (Resolution - 1), Resolution * Resolution - 1];
            int[] inside = [.. Enumerable.Range(0, Resolution * Resolution).Where(p => corners.All(corner => Distance(image, p, corner) > 90))];
            Assert.InRange(inside.Length, 12, Resolution * Resolution * 3 / 4);
            Assert.All(corners, corner => Assert.InRange(Distance(image, corner, corners[0]), 0, 3));
        }
    }

    [Theory]
    [InlineData(8, 1)]
    [InlineData(33, 3)]
    public void Any_resolution_and_gray_can_be_drawn(int resolution, int channels)
    {
        IImageDataset data = SyntheticShapes.Draw(RandomPurpose.TrainShapes, 5, resolution, channels);
        Assert.Equal((resolution, resolution, channels), (data.Height, data.Width, data.Channels));
        Assert.All(TestImages.ReadAll(data), image => Assert.InRange(image.Max() - image.Min(), 60, 255));
    }

    [Theory]
    [InlineData(ShapeKind.Disc, Math.PI)]
    [InlineData(ShapeKind.Ring, Math.PI * (1 - 0.46 * 0.46))]
    [InlineData(ShapeKind.Square, 1.6 * 1.6)]
    [InlineData(ShapeKind.Triangle, 1.299038105676658)]
    [InlineData(ShapeKind.Cross, 2 * 2 * 0.6 - 0.6 * 0.6)]
    public void Distance_encloses_the_area_of_the_shape(ShapeKind kind, double area)
    {
        // Integral of the coverage over a fine raster; radius 1 is 40 pixels.
        const float Radius = 40;
        double sum = 0;
        for (int y = -50; y < 50; y++)
        {
            for (int x = -50; x < 50; x++)
                sum += Math.Clamp(0.5 - SignedDistance.To(kind, new System.Numerics.Vector2(x + 0.5f, y + 0.5f), Radius), 0, 1);
        }

        Assert.Equal(area, sum / (Radius * Radius), 0.01);
    }

    private static int Distance(byte[] image, int a, int b) =>
        Enumerable.Range(0, 3).Sum(c => Math.Abs(image[3 * a + c] - image[3 * b + c]));
}

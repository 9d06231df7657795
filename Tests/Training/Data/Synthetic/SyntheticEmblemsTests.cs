using System.Numerics;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class SyntheticEmblemsTests
{
    private const int Resolution = 32, Count = 2000;

    private static readonly IImageDataset Emblems = SyntheticEmblems.Draw(RandomPurpose.TrainShapes, Count, Resolution, 3);

    [Fact]
    public void Drawing_again_gives_the_same_and_held_out_images_are_others()
    {
        byte[][] images = TestImages.ReadAll(Emblems);
        Assert.Equal(images[..50], TestImages.ReadAll(SyntheticEmblems.Draw(RandomPurpose.TrainShapes, 50, Resolution, 3)));
        HashSet<string> all = [.. images.Select(Convert.ToHexString)];
        Assert.Equal(Count, all.Count);
        Assert.DoesNotContain(TestImages.ReadAll(SyntheticEmblems.Draw(RandomPurpose.HeldOutShapes, 500, Resolution, 3)).Select(Convert.ToHexString), all.Contains);
    }

    [Fact]
    public void Every_class_appears_about_equally_often_and_has_a_name_of_its_own()
    {
        Assert.Equal(40, Emblems.LabelCount);
        Assert.Equal(40, SyntheticEmblems.ClassNames.Distinct().Count());
        Assert.Equal(("plain disc", "dotted flower"), (SyntheticEmblems.ClassNames[0], SyntheticEmblems.ClassNames[39]));
        int[] labels = TestImages.LabelsOf(Emblems);
        Assert.All(Enumerable.Range(0, 40), label => Assert.InRange(labels.Count(each => each == label), 25, 80));
    }

    [Fact]
    public void The_data_set_of_the_name_is_opened_and_shows_its_classes()
    {
        DatasetSplit split = ImageDataset.Open(SyntheticEmblems.Name, 16, 1);
        Assert.Equal((65_536, 4096, 40, 1), (split.Train.Count, split.HeldOut.Count, split.HeldOut.LabelCount, split.Train.Channels));
        Assert.Equal(SyntheticEmblems.ClassNames, split.Description.ClassNames);
        (IImageDataset all, _) = ImageDataset.OpenAsTheyAre(SyntheticEmblems.Name);
        Assert.Equal((65_536 + 4096, 32, 3), (all.Count, all.Height, all.Channels));
    }

    /// <summary>The coverage of a fine raster adds up to the area, by hand in units of the squared circumradius.</summary>
    [Theory]
    [InlineData((int)EmblemKind.Square, 2.56)]
    [InlineData((int)EmblemKind.Star, 5 * 0.45 * 0.5877852522924731)]
    [InlineData((int)EmblemKind.Heart, 1 + Math.PI / 4)]
    [InlineData((int)EmblemKind.Crescent, Math.PI - 1.5885281027011957)]
    [InlineData((int)EmblemKind.Hexagon, 2.598076211353316)]
    [InlineData((int)EmblemKind.Flower, Math.PI * (0.75 * 0.75 + 0.25 * 0.25 / 2))]
    public void An_outline_encloses_its_area(int kind, double area)
    {
        const float Radius = 80;
        double sum = 0;
        for (int y = -90; y < 90; y++)
        {
            for (int x = -90; x < 90; x++)
                sum += EmblemShape.Covered(EmblemShape.Distance((EmblemKind)kind, new Vector2(x + 0.5f, y + 0.5f), Radius));
        }

        Assert.Equal(area, sum / (Radius * Radius), 0.004 * area);
    }

    [Theory]
    [InlineData((int)EmblemPattern.Plain, 0)]
    [InlineData((int)EmblemPattern.Striped, 0.5)]
    [InlineData((int)EmblemPattern.Checked, 0.5)]
    [InlineData((int)EmblemPattern.Dotted, Math.PI * 0.09)]
    public void A_pattern_paints_its_share(int pattern, double share)
    {
        double sum = 0;
        for (int y = 0; y < 80; y++)
        {
            for (int x = 0; x < 80; x++)
                sum += EmblemShape.Share((EmblemPattern)pattern, new Vector2(x - 39.5f, y - 39.5f), period: 20);
        }

        Assert.Equal(share, sum / 6400, 0.004);
    }
}

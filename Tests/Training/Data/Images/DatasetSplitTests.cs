using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class DatasetSplitTests
{
    [Theory]
    [InlineData(2, 1)]
    [InlineData(15, 1)]
    [InlineData(100, 6)]
    [InlineData(81_000, 5000)]
    public void Parts_are_disjoint_and_cover_everything(int count, int heldOut)
    {
        NumberedImages whole = new(count);
        DatasetSplit split = DatasetSplit.Of(whole);
        int[] train = TestImages.LabelsOf(split.Train);
        int[] held = TestImages.LabelsOf(split.HeldOut);
        Assert.Equal(heldOut, held.Length);
        Assert.Equal(Enumerable.Range(0, count), train.Concat(held).Order());
        Assert.Equal(train.Order(), train);
        Assert.Equal(held, TestImages.LabelsOf(DatasetSplit.Of(new NumberedImages(count)).HeldOut));
    }

    [Fact]
    public void Classes_of_a_sorted_data_set_are_all_held_out()
    {
        int[] held = TestImages.LabelsOf(DatasetSplit.Of(new NumberedImages(16_000)).HeldOut);
        int[] perClass = [.. held.GroupBy(number => number / 1600).Select(group => group.Count())];
        Assert.Equal(10, perClass.Length);
        Assert.All(perClass, count => Assert.InRange(count, 60, 140));
    }

    [Fact]
    public void Single_image_is_both_parts() => Assert.Equal((1, 1), (Part(DatasetSplit.Of(new NumberedImages(1)).Train), Part(DatasetSplit.Of(new NumberedImages(1)).HeldOut)));

    private static int Part(IImageDataset data) => data.Count;

    // The label is the image's number.
    private sealed class NumberedImages(int count) : IImageDataset
    {
        public int Count => count;

        public int Height => 1;

        public int Width => 1;

        public int Channels => 1;

        public int LabelCount => count;

        public void Read(int index, Span<byte> pixels) => pixels[0] = (byte)index;

        public int Label(int index) => index;
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>A data set split into training images and held-out images, which are for evaluation only.</summary>
/// <param name="Train">Images to train on.</param>
/// <param name="HeldOut">Images disjoint from <paramref name="Train"/>, of the same size and classes.</param>
public sealed record DatasetSplit(IImageDataset Train, IImageDataset HeldOut)
{
    private const int ImagesPerHeldOut = 16;
    private const int MaxHeldOutImages = 5000;

    /// <summary>What was found and what was left out; for images of a program of your own only their numbers, with the numbers of classes as names.</summary>
    public DatasetDescription Description { get; init; } = new("images in memory")
    {
        Images = ReferenceEquals(Train, HeldOut) ? Train.Count : Train.Count + HeldOut.Count,
        TrainImages = Train.Count,
        HeldOutImages = HeldOut.Count,
        ClassNames = DatasetDescription.NumberNames(Train.LabelCount),
    };

    /// <summary>
    /// Holds out one image in 16, at least one and at most 5000. They are chosen at random, since data sets are often sorted by class; the
    /// choice depends only on the number of images. A single image is both trained on and held out.
    /// </summary>
    public static DatasetSplit Of(IImageDataset whole)
    {
        ArgumentNullException.ThrowIfNull(whole);
        if (whole.Count == 1)
            return new DatasetSplit(whole, whole);
        int heldOut = Math.Clamp(whole.Count / ImagesPerHeldOut, 1, MaxHeldOutImages);
        int[] indices = new int[whole.Count];
        CounterStream.For(RandomPurpose.HeldOut, seed: 0, counter: 0).Permute(indices);
        Array.Sort(indices, 0, heldOut);
        Array.Sort(indices, heldOut, indices.Length - heldOut);
        return new DatasetSplit(new ImageSubset(whole, indices[heldOut..]), new ImageSubset(whole, indices[..heldOut]));
    }
}

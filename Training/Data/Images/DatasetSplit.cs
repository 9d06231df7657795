using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>Images to train on and images never trained on, for evaluation.</summary>
/// <param name="Train">The larger part.</param>
/// <param name="HeldOut">Disjoint from <paramref name="Train"/>, same size and classes.</param>
public sealed record DatasetSplit(IImageDataset Train, IImageDataset HeldOut)
{
    private const int HeldOutShare = 16;
    private const int MaxHeldOut = 5000;

    /// <summary>
    /// Holds out one image in 16, at least one and at most 5000. Which ones depends on the number of images alone; they are spread at
    /// random, since data sets often come sorted by class. A single image is both parts.
    /// </summary>
    public static DatasetSplit Of(IImageDataset whole)
    {
        ArgumentNullException.ThrowIfNull(whole);
        if (whole.Count == 1)
            return new DatasetSplit(whole, whole);
        int heldOut = Math.Clamp(whole.Count / HeldOutShare, 1, MaxHeldOut);
        int[] indices = new int[whole.Count];
        CounterStream.For(RandomPurpose.HeldOut, seed: 0, counter: 0).Permute(indices);
        Array.Sort(indices, 0, heldOut);
        Array.Sort(indices, heldOut, indices.Length - heldOut);
        return new DatasetSplit(new ImageSubset(whole, indices[heldOut..]), new ImageSubset(whole, indices[..heldOut]));
    }
}

using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Distances to images that were never trained on, and the value that real images reach.</summary>
public static class HeldOutReference
{
    /// <summary>Distance of samples to as many held-out images.</summary>
    public static ImageDistance.Result Compare(DatasetSplit split, ByteImages samples)
    {
        ArgumentNullException.ThrowIfNull(split);
        ArgumentNullException.ThrowIfNull(samples);
        return ImageDistance.Measure(Take(split.HeldOut, samples.Count), samples.Pixels.ToArray(), samples.Height, samples.Width, samples.Channels);
    }

    /// <summary>Distance of training images to as many held-out images: what a perfect model would reach.</summary>
    public static ImageDistance.Result RealAgainstHeldOut(DatasetSplit split, int count)
    {
        ArgumentNullException.ThrowIfNull(split);
        IImageDataset held = split.HeldOut;
        return ImageDistance.Measure(Take(held, count), Take(split.Train, count), held.Height, held.Width, held.Channels);
    }

    /// <summary>Images spread evenly over the set, which may be sorted by class.</summary>
    private static byte[] Take(IImageDataset data, int count)
    {
        int size = data.Height * data.Width * data.Channels;
        int taken = Math.Min(count, data.Count);
        byte[] pixels = new byte[taken * size];
        for (int i = 0; i < taken; i++)
            data.Read((int)((long)i * data.Count / taken), pixels.AsSpan(i * size, size));
        return pixels;
    }
}

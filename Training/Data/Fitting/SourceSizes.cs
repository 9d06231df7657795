namespace TrigFlowNative.Training.Data;

/// <summary>Counts what <see cref="ImageFit"/> did to images, and keeps the smallest and the largest size. Thread-safe.</summary>
internal sealed class SourceSizes
{
    private readonly Lock gate = new();
    private long count, cut, padded, resampled, toColour, toGray;
    private (int Height, int Width) smallest, largest;

    /// <summary>What was done to the images so far; null if there were none.</summary>
    internal SourceFitting? Summary(int resolution, int channels)
    {
        lock (gate)
        {
            return count == 0 ? null : new SourceFitting(smallest.Height, smallest.Width, largest.Height, largest.Width, resolution, channels)
            {
                Images = count,
                Cut = cut,
                Padded = padded,
                Resampled = resampled,
                ToColour = toColour,
                ToGray = toGray,
            };
        }
    }

    /// <summary>Adds an image.</summary>
    internal void Add(int height, int width, int sourceChannels, int channels, bool pads, bool resamples)
    {
        lock (gate)
        {
            if (count++ == 0)
                smallest = largest = (height, width);
            if (Order(height, width).CompareTo(Order(smallest.Height, smallest.Width)) < 0)
                smallest = (height, width);
            if (Order(height, width).CompareTo(Order(largest.Height, largest.Width)) > 0)
                largest = (height, width);
            cut += height != width ? 1 : 0;
            padded += pads ? 1 : 0;
            resampled += resamples ? 1 : 0;
            toColour += sourceChannels < channels ? 1 : 0;
            toGray += sourceChannels > channels ? 1 : 0;
        }
    }

    // By area first; the height decides between 2 x 8 and 8 x 2, so that the result doesn't depend on the order of threads.
    private static (long Area, int Height) Order(int height, int width) => ((long)height * width, height);
}

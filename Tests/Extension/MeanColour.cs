using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Extension;

/// <summary>A metric: how far the mean of each channel is from the reference's, in gray levels of 255, and the largest of these.</summary>
public sealed class MeanColour : IMetric
{
    /// <inheritdoc/>
    public IReadOnlyList<MetricValue> Measure(ByteImages reference, ByteImages images)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(images);
        if (reference.Channels != images.Channels || reference.Count == 0 || images.Count == 0)
            throw new ArgumentException($"mean colour: {images.Count} images of {images.Channels} channels against {reference.Count} of {reference.Channels}");
        MetricValue[] perChannel = [.. Enumerable.Range(0, images.Channels).Select(c => new MetricValue($"channel {c}", Math.Abs(Mean(images, c) - Mean(reference, c))))];
        return [new MetricValue("largest", perChannel.Max(channel => channel.Value)), .. perChannel];
    }

    private static double Mean(ByteImages images, int channel)
    {
        ReadOnlySpan<byte> pixels = images.Pixels.Span;
        long sum = 0;
        for (int i = channel; i < pixels.Length; i += images.Channels)
            sum += pixels[i];
        return sum / (pixels.Length / (double)images.Channels);
    }
}

namespace TrigFlowNative.Models;

/// <summary>
/// A network that turns images into rows of features, between whose distributions distances such as FID are taken. It begins with bytes, as the field does:
/// resizing and normalisation belong to it, since numbers are comparable only if these are the same.
/// </summary>
/// <remarks>One thread at a time may use a network. The features of an image do not depend on the images beside it or on the batch.</remarks>
public interface IFeatureNetwork : IDisposable
{
    /// <summary>Name of network and weights, as it stands in the name of a distance: inception-2015, resnet18-cntk, dinov2-vitl14.</summary>
    string Name { get; }

    /// <summary>How bytes become the network's input, in words that make a number comparable: size, resizing, range.</summary>
    string Input { get; }

    /// <summary>How products are computed and what error that leaves, in words for a report.</summary>
    string Arithmetic { get; }

    /// <summary>The kinds of features, the one that the network is known for first.</summary>
    IReadOnlyList<FeatureSpec> Outputs { get; }

    /// <summary>Number of images that the device takes at a time; more are computed in several runs.</summary>
    int Batch { get; }

    /// <summary>Computes features.</summary>
    /// <param name="images">(count, height, width, channels) bytes of 0 to 255, channels last.</param>
    /// <param name="count">Number of images, that of <paramref name="into"/>.</param>
    /// <param name="height">Height of the images, at least 1.</param>
    /// <param name="width">Width of the images, at least 1.</param>
    /// <param name="channels">3, or 1 for gray images, which count as three equal channels.</param>
    /// <param name="into">Receives the rows of the kinds that it was made for.</param>
    /// <exception cref="ArgumentException">Extents do not fit, or a kind of features is none of <see cref="Outputs"/>.</exception>
    /// <exception cref="Engine.MemoryLimitException">The device has not the memory for one batch.</exception>
    void Compute(ReadOnlySpan<byte> images, int count, int height, int width, int channels, FeatureBatch into);
}

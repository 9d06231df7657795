using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Data;

/// <summary>8-bit images of one size, or latents of an autoencoder in their place, with or without class labels. Reading is safe from several threads.</summary>
public interface IImageDataset
{
    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>Height in pixels.</summary>
    int Height { get; }

    /// <summary>Width in pixels.</summary>
    int Width { get; }

    /// <summary>Number of channels: 1 for gray, 3 for red, green, blue; of latents any number.</summary>
    int Channels { get; }

    /// <summary>Number of classes; 0 if there are no labels.</summary>
    int LabelCount { get; }

    /// <summary>
    /// Whether <see cref="Read"/> decodes the image each time, which takes long enough that a batch is worth reading on several threads.
    /// </summary>
    bool IsDecodedOnRead => false;

    /// <summary>How stored latents become values of the model; null for pixels.</summary>
    LatentSpace? Latents => null;

    /// <summary>Number of bytes that <see cref="Read"/> gives: H W C of pixels, 8 H W C of latents.</summary>
    int StoredBytes => Height * Width * Channels * (Latents is null ? 1 : 2 * sizeof(float));

    /// <summary>A hash of an image's content; null to hash what <see cref="Read"/> gives. It must not depend on where the data set lies.</summary>
    ulong? ContentHash(int index) => null;

    /// <summary>Copies one image.</summary>
    /// <param name="index">Index of the image, 0 to <see cref="Count"/> - 1.</param>
    /// <param name="pixels">Receives the pixels (H, W, C), 0 to 255; or of latents fp32 (2, C, H, W), the means of the posterior and then its deviations.</param>
    /// <exception cref="ArgumentException">The span does not have <see cref="StoredBytes"/> bytes.</exception>
    void Read(int index, Span<byte> pixels);

    /// <summary>Returns the class of an image, 0 to <see cref="LabelCount"/> - 1; -1 if there are no labels.</summary>
    int Label(int index);
}

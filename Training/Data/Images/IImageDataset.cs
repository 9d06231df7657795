namespace TrigFlowNative.Training.Data;

/// <summary>8-bit images of one size, with or without class labels. Reading is safe from several threads.</summary>
public interface IImageDataset
{
    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>Height in pixels.</summary>
    int Height { get; }

    /// <summary>Width in pixels.</summary>
    int Width { get; }

    /// <summary>Number of channels: 1 for gray, 3 for red, green, blue.</summary>
    int Channels { get; }

    /// <summary>Number of classes; 0 if there are no labels.</summary>
    int LabelCount { get; }

    /// <summary>
    /// Whether <see cref="Read"/> decodes the image each time, which takes long enough that a batch is worth reading on several threads.
    /// </summary>
    bool IsDecodedOnRead => false;

    /// <summary>Copies one image.</summary>
    /// <param name="index">Index of the image, 0 to <see cref="Count"/> - 1.</param>
    /// <param name="pixels">Receives the pixels (H, W, C), 0 to 255.</param>
    /// <exception cref="ArgumentException">The span does not have H W C bytes.</exception>
    void Read(int index, Span<byte> pixels);

    /// <summary>Returns the class of an image, 0 to <see cref="LabelCount"/> - 1; -1 if there are no labels.</summary>
    int Label(int index);
}

namespace TrigFlowNative.Training.Data;

/// <summary>8-bit images of one size, with or without class labels. Reading is safe from several threads.</summary>
public interface IImageDataset
{
    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>Pixels per column.</summary>
    int Height { get; }

    /// <summary>Pixels per row.</summary>
    int Width { get; }

    /// <summary>1 for gray, 3 for red, green, blue.</summary>
    int Channels { get; }

    /// <summary>Number of classes; 0 if there are no labels.</summary>
    int LabelCount { get; }

    /// <summary>Copies one image.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="pixels">Receives (H, W, C), exactly that many bytes.</param>
    void Read(int index, Span<byte> pixels);

    /// <summary>The class of an image, 0 to <see cref="LabelCount"/> - 1; -1 if there are no labels.</summary>
    int Label(int index);
}

using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Images of one size that are read once, in order, in parts that fit the memory.</summary>
internal interface IImageSource
{
    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>Height in pixels.</summary>
    int Height { get; }

    /// <summary>Width in pixels.</summary>
    int Width { get; }

    /// <summary>1 for gray, 3 for red, green, blue.</summary>
    int Channels { get; }

    /// <summary>What the images are, in words for a report.</summary>
    string Words { get; }

    /// <summary>Reads all images in order. Each call begins anew and gives the same.</summary>
    /// <exception cref="Engine.InvalidFileException">An image is gone or damaged.</exception>
    IEnumerable<ByteImages> Read();
}

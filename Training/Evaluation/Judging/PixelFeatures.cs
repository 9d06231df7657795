using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>The pixels themselves as features, 0 to 255, for images of one size; a network that needs no weights. No other program reports distances between them.</summary>
/// <param name="height">Height of the images in pixels.</param>
/// <param name="width">Width of the images in pixels.</param>
/// <param name="channels">1 or 3.</param>
internal sealed class PixelFeatures(int height, int width, int channels) : IFeatureNetwork
{
    /// <summary>Name of the features.</summary>
    public const string Word = "pixels";

    /// <summary>Most pixels times channels: their covariance takes the square of it.</summary>
    public const int MaxWidth = 4096;

    public string Name => Word;

    public string Input => "no resizing";

    public string Arithmetic => "exact";

    public IReadOnlyList<FeatureSpec> Outputs { get; } = [new FeatureSpec(Word, height * width * channels, "pixels, row by row, channels last, 0 to 255")];

    public int Batch => 256;

    public void Compute(ReadOnlySpan<byte> images, int count, int height, int width, int channels, FeatureBatch into)
    {
        ArgumentNullException.ThrowIfNull(into);
        int size = Outputs[0].Width;
        if (height * width * channels != size || images.Length != (long)count * size)
            throw new ArgumentException($"pixels: images of {height}x{width}x{channels} have not {size} values");
        Span<float> rows = into[Word];
        for (int i = 0; i < images.Length; i++)
            rows[i] = images[i];
    }

    public void Dispose()
    {
    }
}

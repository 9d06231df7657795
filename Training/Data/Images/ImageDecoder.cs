using SkiaSharp;

namespace TrigFlowNative.Training.Data;

/// <summary>Decodes PNG and JPEG through SkiaSharp. Thread-safe.</summary>
internal static class ImageDecoder
{
    /// <summary>Largest size of an encoded image, in bytes.</summary>
    internal const long MaxEncodedBytes = 64 << 20;

    private const int MaxSide = 16384;
    private const int MaxPixels = 1 << 26;

    /// <summary>Whether a name ends in .png, .jpg or .jpeg.</summary>
    internal static bool IsImageName(string name) => Path.GetExtension(name).ToUpperInvariant() is ".PNG" or ".JPG" or ".JPEG";

    /// <summary>Decodes an image and fits it. Transparent pixels are blended with black; colour profiles are ignored, as usual for training.</summary>
    /// <returns>Why the image is refused; null if it is accepted.</returns>
    internal static unsafe string? Decode(byte[] encoded, ImageFit fit, Span<byte> destination)
    {
        // The bytes are pinned, since a stream would call back into managed code for every few bytes.
        fixed (byte* bytes = encoded)
        {
            using SKData data = SKData.Create((nint)bytes, encoded.Length);
            using SKCodec? codec = SKCodec.Create(data);
            if (codec is null || codec.EncodedFormat is not (SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg))
                return "is not a readable PNG or JPEG image";
            (int width, int height) = (codec.Info.Width, codec.Info.Height);
            if (width > MaxSide || height > MaxSide || (long)width * height > MaxPixels)
                return $"has {width} x {height} pixels, at most {MaxSide} a side and {MaxPixels} in all are accepted";

            byte[] rgba = new byte[4 * width * height];
            SKCodecResult result;
            fixed (byte* pixels = rgba)
                result = codec.GetPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul), (nint)pixels);
            if (result == SKCodecResult.IncompleteInput)
                return "is a truncated image";
            if (result != SKCodecResult.Success)
                return $"is a damaged image ({result})";
            fit.Apply(DropAlpha(rgba), height, width, 3, destination);
            return null;
        }
    }

    // This works in place: three bytes are written for every four read, so writing never overtakes reading.
    private static ReadOnlySpan<byte> DropAlpha(byte[] rgba)
    {
        int to = 0;
        for (int from = 0; from < rgba.Length; from += 4)
        {
            rgba[to++] = rgba[from];
            rgba[to++] = rgba[from + 1];
            rgba[to++] = rgba[from + 2];
        }

        return rgba.AsSpan(0, to);
    }
}

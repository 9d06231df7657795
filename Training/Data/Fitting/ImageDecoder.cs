using System.Buffers.Binary;
using System.Runtime.InteropServices;
using SkiaSharp;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>Decodes PNG and JPEG through SkiaSharp. Thread-safe.</summary>
internal static class ImageDecoder
{
    /// <summary>Largest size of an encoded image, in bytes.</summary>
    internal const long MaxEncodedBytes = 64 << 20;

    private const int MaxSide = 16384;
    private const int MaxPixels = 1 << 26;
    private const int PixelBytes = 4;

    // An interlaced or progressive image comes in passes, each over all of it, so that the codec keeps up to 8 bytes a pixel besides.
    private const int PassesPixelBytes = 8;

    /// <summary>
    /// Memory for pixels of images in decoding, of the whole process: 768 MiB, three of the largest images. Without it, a machine of 128 cores would
    /// decode 128 of them at once.
    /// </summary>
    internal static MemoryBudget Budget { get; } = new(768L << 20);

    /// <summary>Whether a name ends in .png, .jpg or .jpeg.</summary>
    internal static bool IsImageName(string name) => Path.GetExtension(name).ToUpperInvariant() is ".PNG" or ".JPG" or ".JPEG";

    /// <summary>
    /// Decodes an image and fits it. The orientation in a JPEG's EXIF is applied; PNG's chunk eXIf is passed over. Transparent pixels are
    /// blended with black; colour profiles are ignored, as usual for training.
    /// </summary>
    /// <returns>Why the image is refused; null if it is accepted.</returns>
    internal static string? Decode(ReadOnlySpan<byte> encoded, ImageFit fit, Span<byte> destination) => Decode(encoded, fit, destination, Budget);

    /// <summary>Decodes an image within a given budget.</summary>
    /// <returns>Why the image is refused; null if it is accepted.</returns>
    internal static unsafe string? Decode(ReadOnlySpan<byte> encoded, ImageFit fit, Span<byte> destination, MemoryBudget budget)
    {
        // A span cannot be kept by what is called back, but what it points to stays where it is meanwhile.
        fixed (byte* pixels = destination)
        {
            byte* target = pixels;
            int length = destination.Length;
            return Decode(encoded, view => fit.Apply(view, new Span<byte>(target, length)), budget);
        }
    }

    /// <summary>Decodes an image within a given budget and hands it on as it is to be seen, see <see cref="Decode(ReadOnlySpan{byte}, ImageFit, Span{byte})"/>.</summary>
    /// <returns>Why the image is refused; null if it is accepted.</returns>
    internal static unsafe string? Decode(ReadOnlySpan<byte> encoded, Take take, MemoryBudget budget)
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

            int length = PixelBytes * width * height;
            bool passes = codec.EncodedFormat == SKEncodedImageFormat.Png ? IsInterlaced(encoded) : IsProgressive(encoded);
            using MemoryBudget.Lease lease = budget.Take(length + (passes ? (long)PassesPixelBytes * width * height : 0));

            // Not from the garbage collector, which would keep the memory of a large image until its next full collection.
            byte* pixels = (byte*)NativeMemory.Alloc((nuint)length);
            try
            {
                SKCodecResult result = codec.GetPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul), (nint)pixels);
                if (result == SKCodecResult.IncompleteInput)
                    return "is a truncated image";
                if (result != SKCodecResult.Success)
                    return $"is a damaged image ({result})";
                PixelView stored = PixelView.Of(new ReadOnlySpan<byte>(pixels, length), height, width, channels: 3, PixelBytes);
                take(stored.Oriented((int)codec.EncodedOrigin));
                return null;
            }
            finally
            {
                NativeMemory.Free(pixels);
            }
        }
    }

    /// <summary>Takes an image, which is gone when this returns.</summary>
    internal delegate void Take(PixelView image);

    // The last byte of the first chunk, IHDR, which has a fixed place.
    private static bool IsInterlaced(ReadOnlySpan<byte> png) => png.Length > 28 && png[28] != 0;

    // The kind of frame stands in a marker SOFn, before which only segments with a length come.
    private static bool IsProgressive(ReadOnlySpan<byte> jpeg)
    {
        const byte baseline = 0xc0, extended = 0xc1, startOfScan = 0xda;
        for (int at = 2; at + 4 <= jpeg.Length && jpeg[at] == 0xff;)
        {
            byte marker = jpeg[at + 1];
            if (marker is baseline or extended)
                return false;
            if (marker == startOfScan)
                break;
            at += marker == 0xff ? 1 : 2 + BinaryPrimitives.ReadUInt16BigEndian(jpeg[(at + 2)..]);
        }

        return true;
    }
}

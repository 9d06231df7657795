using System.Buffers.Binary;
using SkiaSharp;

namespace TrigFlowNative.Tests.Training;

/// <summary>Makes JPEG files, with or without an orientation in EXIF.</summary>
internal static class TestJpeg
{
    /// <summary>A JPEG whose four corners differ.</summary>
    public static byte[] Encode(int width, int height)
    {
        using SKBitmap bitmap = new(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, new SKColor((byte)(255 * x / width), (byte)(255 * y / height), (byte)(x < width / 3 && y < height / 4 ? 255 : 20)));
        }

        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 95);
        return data.ToArray();
    }

    /// <summary>Puts an EXIF segment (APP1) with an orientation behind the JPEG's start.</summary>
    public static byte[] WithOrientation(byte[] jpeg, int orientation, bool bigEndian)
    {
        byte[] segment = [0xff, 0xe1, 0, 0, .. "Exif\0\0"u8, .. Tiff(orientation, bigEndian)];
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)(segment.Length - 2));
        return [.. jpeg[..2], .. segment, .. jpeg[2..]];
    }

    /// <summary>EXIF's own form: a TIFF header and a directory with the tag 0x0112 alone.</summary>
    public static byte[] Tiff(int orientation, bool bigEndian)
    {
        byte[] tiff = new byte[26];
        (bigEndian ? "MM"u8 : "II"u8).CopyTo(tiff);
        Write16(2, 42);
        Write32(4, 8); // the directory's place
        Write16(8, 1); // entries
        Write16(10, 0x0112);
        Write16(12, 3); // 16-bit numbers
        Write32(14, 1); // how many
        Write16(18, orientation);
        return tiff;

        void Write16(int at, int value)
        {
            if (bigEndian)
                BinaryPrimitives.WriteUInt16BigEndian(tiff.AsSpan(at), (ushort)value);
            else
                BinaryPrimitives.WriteUInt16LittleEndian(tiff.AsSpan(at), (ushort)value);
        }

        void Write32(int at, uint value)
        {
            if (bigEndian)
                BinaryPrimitives.WriteUInt32BigEndian(tiff.AsSpan(at), value);
            else
                BinaryPrimitives.WriteUInt32LittleEndian(tiff.AsSpan(at), value);
        }
    }
}

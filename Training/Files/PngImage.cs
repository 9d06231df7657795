using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace TrigFlowNative.Training.Files;

/// <summary>
/// Encodes 8-bit images as PNG (ISO/IEC 15948) without filters. Uncompressed, the same pixels give the same bytes on every machine and are read fastest; data sets of
/// small images gain little by compression.
/// </summary>
internal static class PngImage
{
    private const int GrayScale = 0, TrueColour = 2;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a];

    /// <summary>Encodes an image.</summary>
    /// <param name="pixels">(H, W, C).</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    /// <param name="channels">C: 1 for gray, 3 for red, green, blue.</param>
    /// <param name="level">Compression.</param>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int height, int width, int channels, CompressionLevel level = CompressionLevel.NoCompression)
    {
        Span<byte> head = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(head, width);
        BinaryPrimitives.WriteInt32BigEndian(head[4..], height);
        head[8] = 8;
        head[9] = channels == 1 ? (byte)GrayScale : (byte)TrueColour;
        head[10..].Clear();
        using MemoryStream rows = new(pixels.Length + 8 * height + 64);
        using (ZLibStream packed = new(rows, level, leaveOpen: true))
        {
            for (int y = 0; y < height; y++)
            {
                packed.WriteByte(0); // no filter
                packed.Write(pixels.Slice(y * width * channels, width * channels));
            }
        }

        using MemoryStream png = new((int)rows.Length + 64);
        png.Write(Signature);
        WriteChunk(png, "IHDR"u8, head);
        WriteChunk(png, "IDAT"u8, rows.GetBuffer().AsSpan(0, (int)rows.Length));
        WriteChunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    private static void WriteChunk(MemoryStream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        png.Write(word);
        png.Write(type);
        png.Write(data);
        Crc32 checksum = new();
        checksum.Append(type);
        checksum.Append(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, checksum.GetCurrentHashAsUInt32());
        png.Write(word);
    }
}

using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace TrigFlowNative.Tests;

/// <summary>Makes PNG files from the specification, independent of the decoder under test.</summary>
internal static class TestPng
{
    private static readonly byte[] Signature = [0x89, .. "PNG\r\n"u8, 0x1a, (byte)'\n'];

    /// <summary>A PNG of (H, W, C) pixels; C = 1, 3 or 4. The declared extents may be lied about.</summary>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int height, int width, int channels, int? declaredHeight = null, int? declaredWidth = null)
    {
        byte[] head = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(head, declaredWidth ?? width);
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4), declaredHeight ?? height);
        head[8] = 8;
        head[9] = channels switch { 1 => 0, 3 => 2, _ => 6 };
        using MemoryStream rows = new();
        using (ZLibStream zlib = new(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (int y = 0; y < height; y++)
            {
                zlib.WriteByte(0);
                zlib.Write(pixels.Slice(y * width * channels, width * channels));
            }
        }

        return [.. Signature, .. Chunk("IHDR"u8, head), .. Chunk("IDAT"u8, rows.ToArray()), .. Chunk("IEND"u8, [])];
    }

    internal static byte[] Chunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        byte[] body = [.. type, .. data];
        byte[] chunk = new byte[body.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        body.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(4 + body.Length), Crc32.HashToUInt32(body));
        return chunk;
    }
}

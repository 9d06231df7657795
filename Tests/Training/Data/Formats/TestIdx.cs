using System.Buffers.Binary;
using System.IO.Compression;

namespace TrigFlowNative.Tests.Training;

/// <summary>Makes idx files, lies included.</summary>
internal static class TestIdx
{
    /// <summary>Magic number, extents and data.</summary>
    public static byte[] Encode(uint magic, int[] extents, byte[] data)
    {
        byte[] file = new byte[4 + 4 * extents.Length + data.Length];
        BinaryPrimitives.WriteUInt32BigEndian(file, magic);
        for (int i = 0; i < extents.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4 + 4 * i), extents[i]);
        data.CopyTo(file, 4 + 4 * extents.Length);
        return file;
    }

    /// <summary>(N, H, W) of counted bytes.</summary>
    public static byte[] Images(int count, int height, int width) =>
        Encode(0x803, [count, height, width], [.. Enumerable.Range(0, count * height * width).Select(i => (byte)(i * 3 + 1))]);

    public static byte[] Labels(params byte[] labels) => Encode(0x801, [labels.Length], labels);

    public static byte[] Gzip(byte[] content)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(content);
        return packed.ToArray();
    }
}

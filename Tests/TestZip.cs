using System.IO.Compression;
using System.IO.Hashing;
using System.Text;

namespace TrigFlowNative.Tests;

/// <summary>An entry of a zip made by hand, free to lie about itself.</summary>
internal sealed record TestZipEntry(string Name, byte[] Content)
{
    public bool Compress { get; init; }

    /// <summary>The unpacked length that the headers claim.</summary>
    public long? Length { get; init; }

    /// <summary>The checksum that the headers claim.</summary>
    public uint? Checksum { get; init; }

    /// <summary>The bytes of the name, if they are not UTF-8.</summary>
    public byte[]? RawName { get; init; }

    /// <summary>Says that the name is UTF-8.</summary>
    public bool Utf8Flag { get; init; }

    /// <summary>The file's mode as Unix writes it, with its type.</summary>
    public uint UnixMode { get; init; }

    /// <summary>Claims to be encrypted.</summary>
    public bool Encrypted { get; init; }
}

/// <summary>Makes zip archives from the specification, lies included.</summary>
internal static class TestZip
{
    /// <summary>An archive of these entries, each listed in the directory <paramref name="repeat"/> times under new names.</summary>
    public static byte[] Encode(IReadOnlyList<TestZipEntry> entries, int repeat = 1)
    {
        using MemoryStream archive = new();
        using MemoryStream directory = new();
        using BinaryWriter body = new(archive);
        using BinaryWriter list = new(directory);
        foreach (TestZipEntry entry in entries)
        {
            uint offset = (uint)archive.Position;
            byte[] packed = entry.Compress ? Deflate(entry.Content) : entry.Content;
            body.Write(0x04034b50u);
            WriteCommon(body, entry, packed.Length, NameOf(entry));
            body.Write(NameOf(entry));
            body.Write(packed);
            for (int copy = 0; copy < repeat; copy++)
            {
                byte[] name = copy == 0 ? NameOf(entry) : Encoding.UTF8.GetBytes($"{copy}{entry.Name}");
                list.Write(0x02014b50u);
                list.Write((ushort)20);
                WriteCommon(list, entry, packed.Length, name);
                list.Write(new byte[6]);
                list.Write(entry.UnixMode << 16);
                list.Write(offset);
                list.Write(name);
            }
        }

        uint start = (uint)archive.Position;
        body.Write(directory.ToArray());
        body.Write(0x06054b50u);
        body.Write(0u);
        body.Write((ushort)(entries.Count * repeat));
        body.Write((ushort)(entries.Count * repeat));
        body.Write((uint)directory.Length);
        body.Write(start);
        body.Write((ushort)0);
        body.Flush();
        return archive.ToArray();
    }

    // The fields that local headers and the directory share, version to length of the extra field.
    private static void WriteCommon(BinaryWriter writer, TestZipEntry entry, int packedLength, byte[] name)
    {
        writer.Write((ushort)20);
        writer.Write((ushort)((entry.Encrypted ? 1 : 0) | (entry.Utf8Flag ? 0x800 : 0)));
        writer.Write((ushort)(entry.Compress ? 8 : 0));
        writer.Write(0x00210000u);
        writer.Write(entry.Checksum ?? Crc32.HashToUInt32(entry.Content));
        writer.Write((uint)packedLength);
        writer.Write((uint)(entry.Length ?? entry.Content.Length));
        writer.Write((ushort)name.Length);
        writer.Write((ushort)0);
    }

    private static byte[] NameOf(TestZipEntry entry) => entry.RawName ?? Encoding.UTF8.GetBytes(entry.Name);

    private static byte[] Deflate(byte[] content)
    {
        using MemoryStream packed = new();
        using (DeflateStream deflate = new(packed, CompressionLevel.Fastest, leaveOpen: true))
            deflate.Write(content);
        return packed.ToArray();
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class ZipDirectoryTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Entries_are_read_by_their_place_from_several_threads()
    {
        byte[][] contents = [.. Enumerable.Range(0, 200).Select(i => Enumerable.Repeat((byte)i, 50 + i).ToArray())];
        string path = temp.Write("a.zip", TestZip.Encode([.. contents.Select((bytes, i) => new TestZipEntry($"{i:d3}", bytes) { Compress = i % 2 == 0 })]));
        IEntryReader reader;
        using (BoundedZip zip = BoundedZip.Open(path, _ => new ZipLimits(1000, 1000, 1 << 20)))
            reader = zip.OpenReader([.. zip.Entries.Reverse()]);
        using (reader)
        {
            Parallel.For(0, 2000, i =>
            {
                using RentedBytes bytes = reader.Read(i % 200);
                Assert.True(bytes.Span.SequenceEqual(contents[199 - i % 200]));
            });
            Assert.Equal("entry '199' is odd", reader.Refuse(0, "is odd").Reason);
        }
    }

    /// <summary>More entries than 16 bits count, so that .NET writes a zip64 directory; one with a comment and a name beyond the usual.</summary>
    [Fact]
    public void Directory_of_zip64_is_walked()
    {
        string path = temp.File("large.zip");
        string longName = new('n', 400);
        using (ZipArchive archive = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            archive.CreateEntry("folder/");
            ZipArchiveEntry named = archive.CreateEntry(longName, CompressionLevel.NoCompression);
            named.Comment = "remarkable";
            using (Stream content = named.Open())
                content.Write([7, 8, 9]);
            for (int i = 0; i < 66_000; i++)
                archive.CreateEntry(i.ToString(CultureInfo.InvariantCulture), CompressionLevel.NoCompression);
        }

        using (FileStream stream = File.OpenRead(path))
            Assert.Equal(66_002, ZipDirectory.Count(stream));
        using BoundedZip zip = BoundedZip.Open(path, _ => new ZipLimits(100_000, 100, 100));
        using IEntryReader reader = zip.OpenReader([zip.Entries[^1], zip.Entries.Single(entry => entry.FullName == longName)]);
        using RentedBytes empty = reader.Read(0), three = reader.Read(1);
        Assert.True(empty.Span.IsEmpty);
        Assert.Equal([7, 8, 9], three.Span.ToArray());
    }

    /// <summary>Numbers beyond 32 bits stand in a field of their own, only those, in a fixed order.</summary>
    [Theory]
    [InlineData(5, 6, 7)]
    [InlineData(1L << 40, 6, 7)]
    [InlineData(5, 1L << 33, 7)]
    [InlineData(5, 6, 1L << 34)]
    [InlineData(1L << 40, 6, 1L << 34)]
    [InlineData(1L << 40, 1L << 33, 1L << 34)]
    public void Lengths_and_places_beyond_32_bits_are_found(long length, long packed, long offset)
    {
        List<byte> wide = [];
        byte[] record = new byte[46];
        BinaryPrimitives.WriteUInt32LittleEndian(record, 0x02014b50);
        BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(10), 8);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(16), 0xabcdef01);
        Put(24, length);
        Put(20, packed);
        Put(42, offset);
        byte[] extra = [9, 0, 2, 0, 1, 1, 1, 0, (byte)wide.Count, 0, .. wide];
        BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(30), (ushort)extra.Length);
        byte[] end = new byte[22];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06054b50);
        end[8] = end[10] = 1;
        List<ZipRecord> found = [];
        ZipDirectory.Walk(new MemoryStream([.. record, .. extra, .. end]), found.Add);
        Assert.Equal(new ZipRecord(0, 8, 0xabcdef01, packed, length, offset), Assert.Single(found));

        void Put(int at, long value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(at), (uint)Math.Min(value, uint.MaxValue));
            if (value > uint.MaxValue)
                wide.AddRange(BitConverter.GetBytes(value));
        }
    }

    /// <summary>60,000 entries cost no object each when only 64 are accepted, even if the archive claims to have one.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Directory_is_counted_before_it_is_kept(bool lying)
    {
        byte[] archive = TestZip.Encode([new("arr_0.npy", [1])], repeat: 60_000);
        if (lying)
            BinaryPrimitives.WriteUInt32LittleEndian(archive.AsSpan(archive.Length - 14), 0x00010001);
        string path = temp.Write("a.npz", archive);
        Assert.Throws<InvalidFileException>(() => Npz.Read(path));
        long before = GC.GetAllocatedBytesForCurrentThread();
        var refusal = Assert.Throws<InvalidFileException>(() => Npz.Read(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Equal("has 60000 entries, at most 64 are accepted", refusal.Reason);
    }

    [Fact]
    public void Entry_behind_a_false_place_is_refused()
    {
        byte[] archive = TestZip.Encode([new("a", [1, 2, 3])]);
        int directory = archive.AsSpan().IndexOf<byte>([0x50, 0x4b, 1, 2]);
        foreach (uint offset in new uint[] { 1, 20, (uint)archive.Length, 0x7fffffff })
        {
            BinaryPrimitives.WriteUInt32LittleEndian(archive.AsSpan(directory + 42), offset);
            string path = temp.Write("a.zip", archive);
            using BoundedZip zip = BoundedZip.Open(path, _ => new ZipLimits(10, 1000, 1000));
            using IEntryReader reader = zip.OpenReader(zip.Entries);
            Assert.StartsWith("entry 'a' can't be unpacked (", Assert.Throws<InvalidFileException>(() => reader.Read(0).Dispose()).Reason, StringComparison.Ordinal);
        }
    }

    public void Dispose() => temp.Dispose();
}

using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace TrigFlowNative.Models;

/// <summary>
/// A zip archive whose members are stored, not compressed, as PyTorch and <c>numpy.savez</c> write them: each member is a run of the file's bytes, so nothing is
/// unpacked. Stricter than the format: names are printable, relative and different, members do not overlap, and both headers of a member agree.
/// </summary>
internal sealed class StoredZip
{
    private const int MaxMembers = 100_000, MaxName = 4096, LocalBytes = 30, LocalSignature = 0x04034b50;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly FileBytes file;
    private readonly Dictionary<string, Member> members = new(StringComparer.Ordinal);

    private StoredZip(FileBytes file) => this.file = file;

    /// <summary>Names of all members.</summary>
    public IReadOnlyCollection<string> Names => members.Keys;

    /// <summary>Reads the directory and checks every member's headers.</summary>
    /// <exception cref="Engine.InvalidFileException">The archive is damaged, a member is compressed or encrypted, has a name that is not allowed, or overlaps another.</exception>
    public static StoredZip Open(FileBytes file)
    {
        StoredZip zip = new(file);
        List<(string Name, ZipRecord Record)> found = [];
        try
        {
            using FileStream stream = file.OpenStream();
            ZipDirectory.Walk(stream, (record, name) =>
            {
                if (found.Count == MaxMembers)
                    throw file.Refuse($"has more than {MaxMembers} members");
                found.Add((zip.NameOf(name), record));
            });
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw file.Refuse($"is not a readable zip archive ({e.Message})", e);
        }

        foreach ((string name, ZipRecord record) in found)
            zip.Add(name, record);
        zip.CheckOverlap();
        return zip;
    }

    /// <summary>Where a member's bytes lie; null if there is none of the name.</summary>
    public ByteRange? Find(string name) => members.TryGetValue(name, out Member member) ? member.Bytes : null;

    /// <summary>Reads a member's bytes and compares them with its checksum.</summary>
    /// <exception cref="Engine.InvalidFileException">They differ: the file is damaged.</exception>
    public void Verify(string name)
    {
        Crc32 checksum = new();
        file.ReadPieces(members[name].Bytes, piece => checksum.Append(piece.Span));
        if (checksum.GetCurrentHashAsUInt32() != members[name].Checksum)
            throw file.Refuse($"member '{name}' fails its checksum: the file is damaged");
    }

    private string NameOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > MaxName)
            throw file.Refuse($"has a member whose name is {bytes.Length} bytes long, at most {MaxName} are accepted");
        string name;
        try
        {
            name = Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw file.Refuse("has a member whose name is not UTF-8", e);
        }

        return name.Any(char.IsControl) || name.Contains('\\', StringComparison.Ordinal) || name.StartsWith('/') || name.Split('/').Any(part => part is ".." or ".")
            ? throw file.Refuse($"has a member with the name '{name}', which leads out of the archive or is not printable")
            : name;
    }

    private void Add(string name, ZipRecord record)
    {
        if (members.ContainsKey(name))
            throw Refuse("appears twice");
        if ((record.Flags & 1) != 0)
            throw Refuse("is encrypted");
        if (record.Method != 0)
            throw Refuse("is compressed, expected stored: no such file is written compressed");
        if (record.PackedLength != record.Length)
            throw Refuse($"is stored with {record.PackedLength} bytes but declares {record.Length}");
        if (record.Length < 0 || record.Offset < 0 || record.Offset > file.Length - LocalBytes)
            throw Refuse("lies outside the archive");
        Span<byte> local = stackalloc byte[LocalBytes];
        file.Read(record.Offset, local);
        if (BinaryPrimitives.ReadInt32LittleEndian(local) != LocalSignature)
            throw Refuse("has no header where the directory says");
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(local[26..]), extraLength = BinaryPrimitives.ReadUInt16LittleEndian(local[28..]);
        long start = record.Offset + LocalBytes + nameLength + extraLength;
        if (start > file.Length || record.Length > file.Length - start)
            throw Refuse($"declares {record.Length} bytes, more than the archive has");
        byte[] own = file.Read(new ByteRange(record.Offset + LocalBytes, nameLength));
        if (!own.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(name)) || BinaryPrimitives.ReadUInt16LittleEndian(local[8..]) != record.Method)
            throw Refuse("has a header that contradicts the directory");
        members.Add(name, new Member(new ByteRange(start, record.Length), record.Checksum, record.Offset));

        Engine.InvalidFileException Refuse(string reason) => file.Refuse($"member '{name}' {reason}");
    }

    private void CheckOverlap()
    {
        long covered = 0;
        foreach ((string name, Member member) in members.OrderBy(each => each.Value.HeaderStart))
        {
            if (member.HeaderStart < covered)
                throw file.Refuse($"member '{name}' overlaps another");
            covered = member.Bytes.End;
        }
    }

    private readonly record struct Member(ByteRange Bytes, uint Checksum, long HeaderStart);
}

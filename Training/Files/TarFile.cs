using System.IO.Compression;
using System.Text;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Files;

/// <summary>
/// Reads the entries of a tar archive one after another, plain or gzip. Nothing is allocated by what a header says, unlike in
/// System.Formats.Tar, which reads long names and extended headers of any declared length; both are skipped here as entries of their own.
/// </summary>
internal sealed class TarFile : IDisposable
{
    private const int Block = 512;
    private const int ChecksumPlace = 148;
    private const int ChecksumLength = 8;

    private readonly string path;
    private readonly FileStream file;
    private readonly Stream content;
    private readonly byte[] buffer = new byte[1 << 16];
    private readonly long maxBytes;
    private long unpacked;
    private long left;
    private long padding;

    private TarFile(string path, FileStream file, Stream content, long maxBytes) => (this.path, this.file, this.content, this.maxBytes) = (path, file, content, maxBytes);

    /// <summary>Name of the entry, with '/' between folders.</summary>
    internal string Name { get; private set; } = "";

    /// <summary>Length of the entry's data in bytes.</summary>
    internal long Length { get; private set; }

    /// <summary>Opens an archive before its first entry.</summary>
    /// <param name="path">The file; its first bytes tell whether it is gzip.</param>
    /// <param name="maxBytes">Most bytes that it may unpack to, headers included.</param>
    /// <exception cref="InvalidFileException">The file is missing or not readable.</exception>
    internal static TarFile Open(string path, long maxBytes)
    {
        FileStream file = InputFile.Open(path);
        bool compressed = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        return new TarFile(path, file, compressed ? new GZipStream(file, CompressionMode.Decompress) : file, maxBytes);
    }

    /// <summary>Whether bytes, the first 512 of a file, are a tar archive's first header.</summary>
    internal static bool LooksRight(ReadOnlySpan<byte> head) => head.Length >= Block && HasChecksum(head[..Block]) && head[0] != 0;

    /// <summary>Goes to the next file, past folders, links and extended headers.</summary>
    /// <returns>False at the end of the archive.</returns>
    /// <exception cref="InvalidFileException">The archive is damaged, or unpacks to too much.</exception>
    internal bool Next()
    {
        Span<byte> header = stackalloc byte[Block];
        while (true)
        {
            Skip(left + padding);
            ReadExactly(header);
            if (!header.ContainsAnyExcept((byte)0))
            {
                ReadToEnd();
                return false;
            }

            if (!HasChecksum(header))
                throw new InvalidFileException(path, "is not a readable tar archive (a header fails its checksum)");
            Length = left = Octal(header.Slice(124, 12));
            if (left < 0)
                throw new InvalidFileException(path, "is not a readable tar archive (an entry has no length in octal digits)");
            padding = (Block - left % Block) % Block;
            if (header[156] is not (0 or (byte)'0'))
                continue;
            string name = Text(header[..100]);
            bool hasPrefix = header.Slice(257, 5).SequenceEqual("ustar"u8) && header[345] != 0;
            Name = hasPrefix ? $"{Text(header.Slice(345, 155))}/{name}" : name;
            return true;
        }
    }

    /// <summary>Reads the next bytes of the entry.</summary>
    /// <exception cref="InvalidFileException">The archive is truncated or damaged.</exception>
    /// <exception cref="ArgumentException">The entry has fewer bytes left.</exception>
    internal void Read(Span<byte> bytes)
    {
        if (bytes.Length > left)
            throw new ArgumentException($"the entry has {left} bytes left, {bytes.Length} were asked for", nameof(bytes));
        left -= bytes.Length;
        ReadExactly(bytes);
    }

    public void Dispose()
    {
        content.Dispose();
        file.Dispose();
    }

    private static bool HasChecksum(ReadOnlySpan<byte> header)
    {
        int sum = ChecksumLength * ' ';
        for (int i = 0; i < Block; i++)
            sum += i is >= ChecksumPlace and < ChecksumPlace + ChecksumLength ? 0 : header[i];
        return Octal(header.Slice(ChecksumPlace, ChecksumLength)) == sum;
    }

    // -1 for what is no octal number.
    private static long Octal(ReadOnlySpan<byte> field)
    {
        long value = 0;
        foreach (byte digit in field.Trim("\0 "u8))
        {
            if (digit is < (byte)'0' or > (byte)'7')
                return -1;
            value = value * 8 + digit - '0';
        }

        return value;
    }

    private static string Text(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field.IndexOf((byte)0) is var end and >= 0 ? field[..end] : field);

    private void Skip(long count)
    {
        if (content == file && count > 0)
        {
            if (count > file.Length - file.Position)
                throw new InvalidFileException(path, "is a truncated tar archive");
            file.Position += count;
            return;
        }

        for (; count > 0; count -= Math.Min(count, buffer.Length))
            ReadExactly(buffer.AsSpan(0, (int)Math.Min(count, buffer.Length)));
    }

    // To the end of gzip, which has the checksum of all; behind a tar archive there are only zeros to the next 10 KiB.
    private void ReadToEnd()
    {
        try
        {
            for (long read = 0; read < 1 << 20;)
            {
                int count = content.Read(buffer);
                if (count == 0)
                    return;
                read += count;
            }
        }
        catch (InvalidDataException e)
        {
            throw new InvalidFileException(path, "is damaged gzip", e);
        }
    }

    private void ReadExactly(Span<byte> bytes)
    {
        unpacked += bytes.Length;
        if (unpacked > maxBytes)
            throw new InvalidFileException(path, $"is an archive that unpacks to more than {maxBytes} bytes; unpack it and give the folder");
        try
        {
            if (content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
                throw new InvalidFileException(path, "is a truncated tar archive");
        }
        catch (InvalidDataException e)
        {
            throw new InvalidFileException(path, "is damaged gzip", e);
        }
    }
}

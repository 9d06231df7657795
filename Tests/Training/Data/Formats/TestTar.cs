using System.Formats.Tar;

namespace TrigFlowNative.Tests.Training;

/// <summary>Makes tar archives by .NET's writer, which the reader under test does not use.</summary>
internal static class TestTar
{
    /// <summary>An archive of files in their order; a name that ends in '/' is a folder.</summary>
    public static byte[] Encode(TarEntryFormat format, params IEnumerable<(string Name, byte[] Content)> files)
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, format, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in files)
            {
                TarEntryType type = name.EndsWith('/') ? TarEntryType.Directory : format == TarEntryFormat.V7 ? TarEntryType.V7RegularFile : TarEntryType.RegularFile;
                TarEntry entry = format switch
                {
                    TarEntryFormat.V7 => new V7TarEntry(type, name),
                    TarEntryFormat.Ustar => new UstarTarEntry(type, name),
                    TarEntryFormat.Gnu => new GnuTarEntry(type, name),
                    _ => new PaxTarEntry(type, name),
                };
                if (type != TarEntryType.Directory)
                    entry.DataStream = new MemoryStream(content);
                writer.WriteEntry(entry);
            }
        }

        return stream.ToArray();
    }
}

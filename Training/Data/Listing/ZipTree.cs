using System.IO.Compression;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Lists a zip archive as its unpacked tree: back slashes separate folders, as some programs for Windows write them, and leading slashes, "."
/// and ".." are dropped, as programs that unpack do.
/// </summary>
internal static class ZipTree
{
    private const int LinkType = 10;

    /// <summary>Lists an archive.</summary>
    /// <param name="zip">The archive.</param>
    /// <param name="entries">Receives the entry of every name in the tree's <see cref="ImageTree.Files"/>.</param>
    /// <exception cref="Engine.InvalidFileException">Two entries have one name, or an image is a symbolic link.</exception>
    internal static ImageTree Read(BoundedZip zip, Dictionary<string, ZipArchiveEntry> entries)
    {
        ImageTree tree = new();
        HashSet<string> folders = new(StringComparer.Ordinal), passedOver = new(StringComparer.Ordinal);
        HashSet<string>.AlternateLookup<ReadOnlySpan<char>> known = folders.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (string folder in zip.Folders)
            AddFolders(Clean(folder) + "/");
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            string name = Clean(entry.FullName);
            if (!entries.TryAdd(name, entry))
                throw zip.Refuse(entry, "appears twice");
            if (!AddFolders(name))
                continue;
            if ((entry.ExternalAttributes >>> 28) != LinkType)
                tree.Files.Add(name);
            else if (ImageTree.MayBeImage(name))
                throw zip.Refuse(entry, "is a symbolic link; the archive must hold the image itself");
            else
                tree.PassedOver.Add((LeftOutReason.LeadsNowhere, name));
        }

        return tree;

        // Adds the folders of a name; false if the name is, or lies in, something that is not looked into.
        bool AddFolders(string name)
        {
            int depth = 0;
            for (int start = 0, end; start < name.Length; start = end + 1, depth++)
            {
                end = name.IndexOf('/', start);
                bool isFolder = end >= 0;
                if (!isFolder)
                    end = name.Length;
                ReadOnlySpan<char> part = name.AsSpan(start, end - start);
                LeftOutReason? reason = FileNames.IsHidden(part) ? LeftOutReason.Hidden
                    : isFolder && FileNames.IsSystem(part) ? LeftOutReason.System
                    : isFolder && depth >= ImageTree.MaxDepth ? LeftOutReason.TooDeep : null;
                if (reason is not null)
                {
                    if (passedOver.Add(name[..end]))
                        tree.PassedOver.Add((reason.Value, name[..end]));
                    return false;
                }

                if (isFolder && part.Length > 0 && known.Add(name.AsSpan(0, end)))
                    tree.Folders.Add(name[..end]);
            }

            return true;
        }
    }

    private static string Clean(string name)
    {
        string slashes = name.Replace('\\', '/');
        return slashes.StartsWith('/') || slashes.EndsWith('/') || slashes.Contains("//", StringComparison.Ordinal) || slashes.Contains("./", StringComparison.Ordinal)
            ? string.Join('/', slashes.Split('/').Where(part => part is not ("" or "." or "..")))
            : slashes;
    }
}

using System.IO.Enumeration;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Lists a folder. Symbolic links are followed, but no folder and, through a link, no file is listed twice: the name without a link counts,
/// then the first in the order of names. So a link to a folder above leads nowhere, and the images are those of the tree without it.
/// </summary>
internal sealed class FolderTree
{
    // How far up links are looked for that lead back; deeper paths do not exist on common systems.
    private const int MaxAbove = 256;

    private static readonly EnumerationOptions OneFolder = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    private readonly string root;
    private readonly ImageTree tree = new();
    private readonly HashSet<string> folders = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, string> folderLinks = new(StringComparer.Ordinal);
    private readonly List<string> fileLinks = [];

    private FolderTree(string root) => this.root = root;

    /// <summary>Lists the folder at <paramref name="path"/>.</summary>
    /// <exception cref="InvalidFileException">The folder itself cannot be read, or an image or a folder has a name that .NET cannot open.</exception>
    internal static ImageTree Read(string path)
    {
        FolderTree lister = new(path);
        lister.Walk("");
        while (lister.folderLinks.TryDequeue(out string? link, out _))
            lister.Follow(link);
        lister.AddFileLinks();
        return lister.tree;
    }

    private string FullName(string name) => name.Length == 0 ? root : Path.Combine(root, name);

    private void Walk(string folder)
    {
        string path = FullName(folder);
        if (InputFile.IsNotUtf8(path))
            throw InputFile.RefuseName(path);
        if (FileStatus.Of(path).Identity is { Length: > 0 } identity && !folders.Add(identity))
        {
            tree.PassedOver.Add((LeftOutReason.ReachedTwice, folder));
            return;
        }

        if (folder.Length > 0)
            tree.Folders.Add(folder);
        foreach ((string name, bool isFolder, bool isHidden) in List(folder, path))
        {
            string child = folder.Length == 0 ? name : $"{folder}/{name}";
            if (isHidden || FileNames.IsHidden(name))
                tree.PassedOver.Add((LeftOutReason.Hidden, child));
            else if (!isFolder)
                AddFile(child);
            else if (FileNames.IsSystem(name))
                tree.PassedOver.Add((LeftOutReason.System, child));
            else if (child.AsSpan().Count('/') >= ImageTree.MaxDepth)
                tree.PassedOver.Add((LeftOutReason.TooDeep, child));
            else if (FileStatus.Of(FullName(child), follow: false).Kind == FileKind.Link)
                folderLinks.Enqueue(child, child);
            else
                Walk(child);
        }
    }

    private List<(string Name, bool IsFolder, bool IsHidden)> List(string folder, string path)
    {
        try
        {
            List<(string Name, bool, bool)> entries = [.. new FileSystemEnumerable<(string, bool, bool)>(
                path, (ref FileSystemEntry entry) => (entry.FileName.ToString(), entry.IsDirectory, entry.IsHidden), OneFolder)];
            entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
            return entries;
        }
        catch (UnauthorizedAccessException) when (folder.Length > 0)
        {
            tree.PassedOver.Add((LeftOutReason.Unreadable, folder));
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidFileException(path, $"cannot be read ({e.Message})", e);
        }
    }

    private void AddFile(string name)
    {
        string path = FullName(name);
        FileKind kind = FileStatus.Of(path, follow: false).Kind;
        bool isImage = ImageTree.MayBeImage(name);
        if (kind == FileKind.Link)
        {
            kind = FileStatus.Of(path).Kind;
            if (kind == FileKind.Regular && isImage)
            {
                fileLinks.Add(name);
                return;
            }
        }

        if (kind == FileKind.Absent && isImage && InputFile.IsNotUtf8(path))
            throw InputFile.RefuseName(path);
        if (kind is FileKind.Pipe or FileKind.Socket or FileKind.Device)
            tree.PassedOver.Add((LeftOutReason.NoRegularFile, name));
        else if (kind == FileKind.Absent && !isImage && !InputFile.IsNotUtf8(path))
            tree.PassedOver.Add((LeftOutReason.LeadsNowhere, name));
        else
            tree.Files.Add(name); // an image that is not there is refused when it is read
    }

    private void Follow(string link)
    {
        string target = FileStatus.Of(FullName(link)).Identity;
        string folder = link.Contains('/', StringComparison.Ordinal) ? link[..link.LastIndexOf('/')] : "";
        if (LeadsBack(FullName(folder), target))
            tree.PassedOver.Add((LeftOutReason.LeadsBack, link));
        else
            Walk(link);
    }

    // Not by the name of the link alone: the folder that holds it may itself have been reached through a link.
    private static bool LeadsBack(string folder, string target)
    {
        string above = folder, last = "";
        for (int i = 0; i < MaxAbove; i++, above = Path.Combine(above, ".."))
        {
            string identity = FileStatus.Of(above).Identity;
            if (identity == target)
                return true;
            if (identity == last || identity.Length == 0)
                return false;
            last = identity;
        }

        return false;
    }

    private void AddFileLinks()
    {
        // A dataset.json names its files one by one, so whoever names a file twice there means it.
        bool named = tree.Files.Exists(name => Path.GetFileName(name) == DatasetLabels.FileName);
        if (fileLinks.Count == 0)
            return;
        HashSet<string> read = named ? [] : [.. tree.Files.Where(ImageTree.MayBeImage).Select(name => FileStatus.Of(FullName(name)).Identity)];
        foreach (string name in fileLinks.Order(StringComparer.Ordinal))
        {
            if (named || read.Add(FileStatus.Of(FullName(name)).Identity))
                tree.Files.Add(name);
            else
                tree.PassedOver.Add((LeftOutReason.ReachedTwice, name));
        }
    }
}

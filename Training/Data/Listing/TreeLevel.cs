namespace TrigFlowNative.Training.Data;

/// <summary>What lies directly in one folder of a tree, and what each of its folders holds in all.</summary>
internal sealed class TreeLevel
{
    private readonly Dictionary<string, Child> children = new(StringComparer.Ordinal);
    private readonly ImageTree tree;

    /// <summary>Looks at the folder whose name, with '/' at its end, is <paramref name="prefix"/>; empty for the tree itself.</summary>
    internal TreeLevel(ImageTree tree, string prefix)
    {
        this.tree = tree;
        foreach (string folder in tree.Folders)
        {
            if (ChildOf(folder + "/", prefix) is { } child)
                child.HasFolders |= folder.Length > prefix.Length + child.Name.Length;
        }

        foreach (string file in tree.Files)
        {
            if (ChildOf(file, prefix) is { } child)
                child.Count(file, tree.IsImage(file), isDirect: file.IndexOf('/', prefix.Length + child.Name.Length + 1) < 0);
            else if (file.StartsWith(prefix, StringComparison.Ordinal))
                CountDirect(file[prefix.Length..]);
        }

        Children = [.. children.Values.OrderBy(child => child.Name, StringComparer.Ordinal)];
    }

    /// <summary>The folders, in the order of names.</summary>
    internal IReadOnlyList<Child> Children { get; }

    /// <summary>Number of images that lie directly in the folder.</summary>
    internal int DirectImages { get; private set; }

    /// <summary>Whether a dataset.json lies in the folder.</summary>
    internal bool HasLabels { get; private set; }

    private Child? ChildOf(string name, string prefix)
    {
        int end = name.StartsWith(prefix, StringComparison.Ordinal) ? name.IndexOf('/', prefix.Length) : -1;
        if (end < 0)
            return null;
        ReadOnlySpan<char> child = name.AsSpan(prefix.Length, end - prefix.Length);
        var byName = children.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!byName.TryGetValue(child, out Child? found))
            byName[child] = found = new Child(child.ToString());
        return found;
    }

    private void CountDirect(string name)
    {
        HasLabels |= name == DatasetLabels.FileName;
        DirectImages += tree.IsImage(name) ? 1 : 0;
    }

    /// <summary>A folder and what lies in it at any depth.</summary>
    internal sealed class Child(string name)
    {
        private int texts;
        private int others;

        internal string Name => name;

        internal int Images { get; private set; }

        internal int DirectImages { get; private set; }

        internal bool HasLabels { get; private set; }

        internal bool HasFolders { get; set; }

        /// <summary>Numbers of the files that are no images, by extension.</summary>
        internal Dictionary<string, int> OtherKinds { get; } = new(StringComparer.Ordinal);

        /// <summary>
        /// Whether the folder may be a class: it holds images, files in other formats, or nothing at all. One that holds texts alone, such as
        /// annotations, stands beside the classes.
        /// </summary>
        internal bool MayBeClass => Images > 0 || others > 0 || texts == 0;

        internal void Count(string file, bool isImage, bool isDirect)
        {
            Images += isImage ? 1 : 0;
            DirectImages += isImage && isDirect ? 1 : 0;
            if (!isImage)
                OtherKinds[FileNames.KindOf(file)] = OtherKinds.GetValueOrDefault(FileNames.KindOf(file)) + 1;
            bool isText = FileNames.IsText(file);
            texts += isText ? 1 : 0;
            others += isImage || isText ? 0 : 1;
            HasLabels |= isDirect && file.EndsWith("/" + DatasetLabels.FileName, StringComparison.Ordinal);
        }
    }
}

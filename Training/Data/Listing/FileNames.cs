namespace TrigFlowNative.Training.Data;

/// <summary>What names in a data set tell about files and folders.</summary>
internal static class FileNames
{
    private static readonly HashSet<string> SystemFolders = new(StringComparer.OrdinalIgnoreCase)
    {
        "__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information",
    };

    private static readonly HashSet<string> SystemFiles = new(StringComparer.OrdinalIgnoreCase) { "Thumbs.db", "desktop.ini" };

    private static readonly HashSet<string> TextExtensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".txt", ".json", ".jsonl", ".xml", ".csv", ".tsv", ".md", ".rst", ".html", ".htm", ".css", ".js", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".log",
        ".py", ".ipynb", ".sh", ".bat", ".m", ".c", ".cpp", ".h", ".tex", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".db", ".sqlite", ".url",
    };

    /// <summary>Whether a file or folder of this name, without folders before it, is hidden.</summary>
    internal static bool IsHidden(ReadOnlySpan<char> name) => name is ['.', ..] || SystemFiles.GetAlternateLookup<ReadOnlySpan<char>>().Contains(name);

    /// <summary>Whether a folder of this name, without folders before it, is one that an operating system or a storage device keeps for itself.</summary>
    internal static bool IsSystem(ReadOnlySpan<char> name) => SystemFolders.GetAlternateLookup<ReadOnlySpan<char>>().Contains(name);

    /// <summary>Whether a file is text or code by its extension, which stands beside images, never in place of them.</summary>
    internal static bool IsText(string name) => TextExtensions.Contains(Path.GetExtension(name));

    /// <summary>The extension in lower case with its dot; "no extension" if there is none.</summary>
    internal static string KindOf(string name) => Path.GetExtension(name) is { Length: > 0 } extension ? extension.ToLowerInvariant() : "no extension";
}

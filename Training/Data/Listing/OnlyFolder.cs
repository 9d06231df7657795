using System.IO.Enumeration;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>Passes through folders that hold nothing but one folder, texts aside, to where the files of a data set may lie.</summary>
internal static class OnlyFolder
{
    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    /// <summary>Returns the first folder, from the given one downwards, that holds something else than one folder.</summary>
    internal static string Behind(string path)
    {
        for (int depth = 0; depth < ImageTree.MaxDepth; depth++)
        {
            string? only = null;
            foreach ((string name, bool isFolder) in new FileSystemEnumerable<(string, bool)>(
                path, (ref FileSystemEntry entry) => (entry.FileName.ToString(), entry.IsDirectory), Everything))
            {
                if (FileNames.IsHidden(name) || isFolder && FileNames.IsSystem(name) || !isFolder && FileNames.IsText(name) && name != DatasetLabels.FileName)
                    continue;
                if (!isFolder || only is not null)
                    return path;
                only = name;
            }

            // A link may lead out of the data set, or back.
            if (only is null || FileStatus.Of(Path.Combine(path, only), follow: false).Kind == FileKind.Link)
                return path;
            path = Path.Combine(path, only);
        }

        return path;
    }
}

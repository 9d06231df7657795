namespace TrigFlowNative.Tests;

/// <summary>A fresh folder of one test, removed with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("trigflow-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file, making its folders.</summary>
    public string Write(string name, params byte[] bytes)
    {
        string path = File(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>Names and contents of all files, for comparing before with after.</summary>
    public SortedDictionary<string, byte[]> Contents()
    {
        SortedDictionary<string, byte[]> contents = new(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories))
            contents[path] = System.IO.File.ReadAllBytes(path);
        return contents;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

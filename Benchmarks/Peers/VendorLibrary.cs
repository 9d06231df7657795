using System.Runtime.InteropServices;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>
/// Finds NVIDIA's libraries at run time: in the folders of $TRIGFLOW_CUDA_LIBRARIES, in $CUDA_HOME and /usr/local/cuda, among the packages of the
/// Python installations on the PATH, where PyTorch installs them, and on the search path of the system's loader.
/// </summary>
internal static class VendorLibrary
{
    private static readonly string[] Within = ["lib64", "targets/x86_64-linux/lib"], Packages = ["site-packages", "dist-packages"];
    private const string Variable = "TRIGFLOW_CUDA_LIBRARIES";

    /// <summary>Loads the first library found.</summary>
    /// <param name="names">File names, the newest version first.</param>
    /// <param name="companions">Pattern of the libraries in the same folder that it loads by name, such as libcudnn*.so.9; these are loaded before.</param>
    /// <returns>Handle and path; null if none is found.</returns>
    public static (nint Handle, string Path)? Load(string[] names, string? companions = null)
    {
        foreach (string path in Candidates(names))
        {
            if (companions is not null)
                LoadCompanions(Path.GetDirectoryName(path)!, companions);
            if (NativeLibrary.TryLoad(path, out nint handle))
                return (handle, path);
        }

        foreach (string name in names)
            if (NativeLibrary.TryLoad(name, out nint handle))
                return (handle, name);
        return null;
    }

    /// <summary>Lists every file with one of the names, folder by folder.</summary>
    internal static IEnumerable<string> Candidates(string[] names) =>
        from folder in Folders().Distinct()
        from name in names
        let path = Path.Combine(folder, name)
        where File.Exists(path)
        select path;

    private static IEnumerable<string> Folders()
    {
        string[] chosen = (Environment.GetEnvironmentVariable(Variable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        string[] homes = [.. Environment.GetEnvironmentVariable("CUDA_HOME") is { Length: > 0 } home ? (string[])[home] : [], "/usr/local/cuda"];
        return [.. chosen, .. homes.SelectMany(root => Within.Select(sub => Path.Combine(root, sub))), .. PythonPackages().SelectMany(Libraries)];
    }

    /// <summary>The package folders of each python3 on the PATH.</summary>
    private static IEnumerable<string> PythonPackages()
    {
        IEnumerable<string> interpreters = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, "python3")).Where(File.Exists);
        foreach (string interpreter in interpreters)
        {
            // The interpreter of a virtual environment is a link; its packages lie beside the link.
            string target = File.ResolveLinkTarget(interpreter, returnFinalTarget: true)?.FullName ?? interpreter;
            foreach (string prefix in new[] { interpreter, target }.Select(path => Path.GetDirectoryName(Path.GetDirectoryName(path))!).Distinct())
                foreach (string lib in Matching(Path.Combine(prefix, "lib"), "python3*"))
                    foreach (string packages in Packages)
                        yield return Path.Combine(lib, packages);
        }
    }

    /// <summary>Lists the folders of NVIDIA's libraries among the packages, such as nvidia/cudnn/lib and nvidia/cu13/lib.</summary>
    private static IEnumerable<string> Libraries(string packages) => Matching(Path.Combine(packages, "nvidia"), "*").Select(package => Path.Combine(package, "lib"));

    private static string[] Matching(string folder, string pattern)
    {
        try
        {
            return Directory.Exists(folder) ? [.. Directory.GetDirectories(folder, pattern).Order(StringComparer.Ordinal)] : [];
        }
        catch (UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Loads all twice, since they depend on one another in an unknown order.</summary>
    private static void LoadCompanions(string folder, string pattern)
    {
        string[] files = Directory.GetFiles(folder, pattern);
        for (int pass = 0; pass < 2; pass++)
            foreach (string file in files)
                NativeLibrary.TryLoad(file, out _);
    }
}

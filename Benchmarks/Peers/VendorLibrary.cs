using System.Runtime.InteropServices;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>
/// NVIDIA's libraries beside the driver, found at run time: in the folders of $TRIGFLOW_CUDA_LIBRARIES, in $CUDA_HOME and /usr/local/cuda, in the
/// packages of the Python installations on the PATH, where PyTorch brings them, and where the system's loader looks.
/// </summary>
internal static class VendorLibrary
{
    private static readonly string[] Within = ["lib64", "targets/x86_64-linux/lib"], Packages = ["site-packages", "dist-packages"];
    private const string Variable = "TRIGFLOW_CUDA_LIBRARIES";

    /// <summary>Loads the first library found.</summary>
    /// <param name="names">File names, the newest version first.</param>
    /// <param name="companions">Pattern of libraries in the same folder that it loads by name, such as libcudnn*.so.9; they are loaded first.</param>
    /// <returns>Handle and path; null where there is none.</returns>
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

    /// <summary>Every file of one of the names, a folder at a time.</summary>
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

    /// <summary>Folders of packages of each python3 on the PATH, and those of the system.</summary>
    private static IEnumerable<string> PythonPackages()
    {
        IEnumerable<string> interpreters = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, "python3")).Where(File.Exists);
        foreach (string interpreter in interpreters)
        {
            // A virtual environment links to an interpreter elsewhere; its packages are beside the link.
            string target = File.ResolveLinkTarget(interpreter, returnFinalTarget: true)?.FullName ?? interpreter;
            foreach (string prefix in new[] { interpreter, target }.Select(path => Path.GetDirectoryName(Path.GetDirectoryName(path))!).Distinct())
                foreach (string lib in Matching(Path.Combine(prefix, "lib"), "python3*"))
                    foreach (string packages in Packages)
                        yield return Path.Combine(lib, packages);
        }
    }

    /// <summary>Where packages of one folder keep NVIDIA's libraries: nvidia/cudnn/lib, nvidia/cu13/lib and the like.</summary>
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

    /// <summary>Twice, since they need one another in no known order.</summary>
    private static void LoadCompanions(string folder, string pattern)
    {
        string[] files = Directory.GetFiles(folder, pattern);
        for (int pass = 0; pass < 2; pass++)
            foreach (string file in files)
                NativeLibrary.TryLoad(file, out _);
    }
}

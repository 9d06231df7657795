using System.Diagnostics;

namespace TrigFlowNative.Benchmarks.Inspect;

/// <summary>Finds and runs the programs of NVIDIA's toolkit, on the PATH, in CUDA_HOME/bin or in /usr/local/cuda/bin.</summary>
internal static class CudaTool
{
    private static readonly string Suffix = OperatingSystem.IsWindows() ? ".exe" : "";

    /// <summary>Returns the path of a tool; null if it is not installed.</summary>
    public static string? Find(string name) => Folders().Select(folder => Path.Combine(folder, name + Suffix)).FirstOrDefault(File.Exists);

    /// <summary>Runs a tool and waits for its end.</summary>
    /// <returns>Its standard output, followed by its standard error.</returns>
    /// <exception cref="InvalidOperationException">The exit code is not 0; the message is the tool's output.</exception>
    public static string Run(string path, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string printed = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        return process.ExitCode == 0 ? printed : throw new InvalidOperationException($"{Path.GetFileName(path)} ended with {process.ExitCode}: {printed.Trim()}");
    }

    private static IEnumerable<string> Folders() =>
    [
        .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
        .. Environment.GetEnvironmentVariable("CUDA_HOME") is { Length: > 0 } home ? (string[])[Path.Combine(home, "bin")] : [],
        "/usr/local/cuda/bin",
    ];
}

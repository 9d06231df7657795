using System.Diagnostics;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Processes;

/// <summary>A program of this repository that is run as a process of its own: an executable, or an assembly that the SDK's host runs.</summary>
/// <param name="Executable">The executable.</param>
/// <param name="Leading">Arguments before the program's own: the assembly, for the SDK's host.</param>
internal sealed record ChildProgram(string Executable, IReadOnlyList<string> Leading)
{
    private static readonly string[] Runtimes = ["libcoreclr.so", "libcoreclr.dylib", "coreclr.dll"];

    /// <summary>This project's program.</summary>
    public static ChildProgram Benchmarks => Beside("TrigFlowNative.Benchmarks");

    /// <summary>The program trigflow: at a path, or beside this program.</summary>
    /// <param name="path">The executable or its assembly; null for the one beside this program.</param>
    /// <exception cref="UsageException">There is no such file.</exception>
    public static ChildProgram Trigflow(string? path)
    {
        if (path is null)
            return Beside("trigflow");
        if (!File.Exists(path))
            throw new UsageException($"--trigflow: {path} does not exist");
        string full = Path.GetFullPath(path);
        return Path.GetExtension(full) == ".dll" ? new ChildProgram("dotnet", [full]) : new ChildProgram(full, []);
    }

    /// <summary>Describes a start of the program with its output redirected.</summary>
    public ProcessStartInfo Start(params IEnumerable<string> arguments) =>
        new(Executable, [.. Leading, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };

    /// <summary>Runs the program to its end.</summary>
    /// <exception cref="TimeoutException">It did not end within the time; it has been killed.</exception>
    public ChildOutcome Run(TimeSpan patience, params IEnumerable<string> arguments)
    {
        using Process process = Process.Start(Start(arguments))!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{Path.GetFileName(Executable)} {string.Join(' ', Leading.Concat(arguments))} did not end within {patience}");
        }

        return new ChildOutcome(process.ExitCode, output.Result, errors.Result);
    }

    /// <summary>The running program if it has the name, the executable with a runtime beside it, or the assembly.</summary>
    private static ChildProgram Beside(string name)
    {
        string folder = AppContext.BaseDirectory, executable = OperatingSystem.IsWindows() ? name + ".exe" : name, assembly = Path.Combine(folder, name + ".dll");
        if (Path.GetFileName(Environment.ProcessPath) == executable)
            return new ChildProgram(Environment.ProcessPath!, []);
        if (Runtimes.Any(runtime => File.Exists(Path.Combine(folder, runtime))))
        {
            return File.Exists(Path.Combine(folder, executable))
                ? new ChildProgram(Path.Combine(folder, executable), [])
                : throw new UsageException($"{executable} is not beside this program; --trigflow names it");
        }

        return File.Exists(assembly) ? new ChildProgram("dotnet", [assembly]) : throw new UsageException($"{name}.dll is not beside this program");
    }
}

/// <summary>How a process ended.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Errors">Its standard error stream.</param>
internal sealed record ChildOutcome(int ExitCode, string Output, string Errors);

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>The executable trigflow as a person runs it: a process of its own, which can be killed.</summary>
internal sealed partial class TrigflowProcess : IDisposable
{
    private const int Continue = 18, Stop = 19; // of Linux

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly Process process;
    private readonly Task<string> output, errors;

    private TrigflowProcess(IEnumerable<string> arguments)
    {
        string[] command = CommandOf(arguments);
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        process = Process.Start(start)!;
        output = process.StandardOutput.ReadToEndAsync();
        errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The program and its arguments. Published, the test run has the executable beside it; otherwise the SDK's host runs the assembly.</summary>
    public static string[] CommandOf(IEnumerable<string> arguments)
    {
        string assembly = Path.Combine(AppContext.BaseDirectory, "trigflow.dll");
        bool selfContained = Path.GetFileNameWithoutExtension(Environment.ProcessPath) != "dotnet" && File.Exists(Path.Combine(AppContext.BaseDirectory, "libcoreclr.so"));
        string[] program = selfContained ? [Path.Combine(AppContext.BaseDirectory, "trigflow")] : ["dotnet", assembly];
        // A test run that began in the background may ignore Ctrl-C and a closed terminal, and its children would inherit that.
        return [.. OperatingSystem.IsLinux() ? ["env", "--default-signal=HUP,INT,TERM"] : (string[])[], .. program, .. arguments];
    }

    /// <summary>Starts and does not wait.</summary>
    public static TrigflowProcess Start(params IEnumerable<string> arguments) => new(arguments);

    /// <summary>Runs to the end.</summary>
    public static Outcome Run(params IEnumerable<string> arguments)
    {
        using var started = new TrigflowProcess(arguments);
        return started.Wait();
    }

    /// <summary>Waits until the process ends by itself.</summary>
    public Outcome Wait()
    {
        Signal(Continue);
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            Assert.Fail($"trigflow did not end within {Patience}");
        }

        return new Outcome(process.ExitCode, output.Result, errors.Result);
    }

    /// <summary>
    /// Waits until a condition holds; false if the process ended before. The process stands still while the condition is looked at, and after it held, until it
    /// gets a signal or is waited for: a slow look at a short run would come after its end otherwise.
    /// </summary>
    public bool WaitFor(Func<bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!process.HasExited && clock.Elapsed < Patience)
        {
            Signal(Stop);
            if (condition())
                return true;
            Signal(Continue);
            Thread.Sleep(5);
        }

        return false;
    }

    /// <summary>kill -9.</summary>
    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    /// <summary>Sends a signal: 1 as a closed terminal does, 2 as Ctrl-C, 15 as kill.</summary>
    public void Signal(int number)
    {
        bool sent = SendSignal(process.Id, number) == 0 && (number is Stop or Continue || SendSignal(process.Id, Continue) == 0);
        Assert.True(sent || process.HasExited, $"signal {number} could not be sent");
    }

    public void Dispose()
    {
        if (!process.HasExited)
            Kill();
        process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);

    /// <summary>How a process ended.</summary>
    public sealed record Outcome(int ExitCode, string Output, string Errors)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"exit code {ExitCode}\n{Output}\n{Errors}");
    }
}

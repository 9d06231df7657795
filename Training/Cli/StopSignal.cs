using System.Globalization;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Training.Cli;

/// <summary>
/// Turns Ctrl-C (SIGINT), SIGTERM and the end of a terminal (SIGHUP) into a cancellation token, so that a run saves before it ends; a second signal ends
/// it at once. A signal that the caller had set to be ignored, as nohup does, stays ignored.
/// </summary>
internal sealed class StopSignal : IDisposable
{
    private const int Hangup = 1, Interrupt = 2, Terminate = 15, SignalExit = 128;
    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private volatile int received;

    public StopSignal()
    {
        ulong ignored = IgnoredSignals();
        foreach ((PosixSignal signal, int number) in (ReadOnlySpan<(PosixSignal, int)>)[(PosixSignal.SIGINT, Interrupt), (PosixSignal.SIGTERM, Terminate), (PosixSignal.SIGHUP, Hangup)])
            if ((ignored >> (number - 1) & 1) == 0)
                registrations.Add(Register(signal, number));
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>Exit code of a program that the signal stopped, as shells count it: 128 and the signal's number; 0 without a signal.</summary>
    public int ExitCode => received == 0 ? 0 : SignalExit + received;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
            registration.Dispose();
        source.Dispose();
    }

    private PosixSignalRegistration Register(PosixSignal signal, int number) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = Interlocked.CompareExchange(ref received, number, 0) == 0;
        if (context.Cancel)
            source.Cancel();
    });

    /// <summary>The set of signals that this process was started to ignore, bit n - 1 for signal n; empty where it is not told.</summary>
    private static ulong IgnoredSignals()
    {
        const string key = "SigIgn:";
        try
        {
            string? line = File.ReadLines("/proc/self/status").FirstOrDefault(each => each.StartsWith(key, StringComparison.Ordinal));
            return line is not null && ulong.TryParse(line.AsSpan(key.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong set) ? set : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // not Linux
        }
    }
}

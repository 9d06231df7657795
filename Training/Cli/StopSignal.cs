using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Training.Cli;

/// <summary>
/// Turns Ctrl-C (SIGINT), SIGTERM and the end of a terminal (SIGHUP) into a cancellation token, so that a run saves before it ends. A second signal ends
/// it at once, unless it follows the first closely: sessions and supervisors send several together. A signal that the caller had set to be ignored, as nohup does, stays ignored.
/// </summary>
internal sealed class StopSignal : IDisposable
{
    /// <summary>Signals within this time count as one.</summary>
    private static readonly TimeSpan Together = TimeSpan.FromSeconds(2);

    private const int Hangup = 1, Interrupt = 2, Terminate = 15, SignalExit = 128;
    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly Lock gate = new();
    private int received;
    private long receivedAt;
    private bool disposed;

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
    public int ExitCode => Volatile.Read(ref received) is var signal and not 0 ? SignalExit + signal : 0;

    /// <summary>
    /// Runs work that writes its files whole or not at all. A signal cancels it, so that no part of a file is left, and the exit code says which signal it was.
    /// </summary>
    /// <param name="verb">Name of the verb, for the message.</param>
    /// <param name="work">Returns the exit code, or throws when the token is cancelled.</param>
    public static int Around(string verb, Func<CancellationToken, int> work)
    {
        using var stop = new StopSignal();
        try
        {
            return work(stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            Console.Error.WriteLine($"{verb}: stopped; what was not complete is not written");
            return stop.ExitCode;
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
            registration.Dispose();
        lock (gate)
            disposed = true;
        source.Dispose();
    }

    private PosixSignalRegistration Register(PosixSignal signal, int number) => PosixSignalRegistration.Create(signal, context =>
    {
        lock (gate)
        {
            if (disposed)
                return;
            bool isFirst = received == 0;
            context.Cancel = isFirst || Stopwatch.GetElapsedTime(receivedAt) < Together;
            if (!isFirst)
                return;
            receivedAt = Stopwatch.GetTimestamp();
            Volatile.Write(ref received, number);
            source.Cancel();
        }
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

using System.Diagnostics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>When a training process is killed: after a time, or shortly after a file began to be written.</summary>
/// <param name="Seconds">Seconds from the start of the process; for a write, from the moment at which it was seen.</param>
/// <param name="Write">Number of the write during which to kill, from 1; 0 to wait for no write.</param>
internal readonly record struct KillMoment(double Seconds, int Write)
{
    private const double AtWrites = 0.4, AtStart = 0.15, SecondsOfWrite = 0.004;
    private const int MaxWrites = 12;

    /// <summary>
    /// Draws a moment: uniform over the life of an uninterrupted process for almost a half, within its first tenth for some, and for the others during a write,
    /// since these are short and would be met by chance once in hundreds of kills.
    /// </summary>
    /// <param name="random">The generator.</param>
    /// <param name="life">Seconds from start to end of an uninterrupted process.</param>
    public static KillMoment Draw(Random random, double life)
    {
        double kind = random.NextDouble();
        return kind < AtWrites ? new KillMoment(random.NextDouble() * SecondsOfWrite, random.Next(1, MaxWrites + 1))
            : new KillMoment(random.NextDouble() * (kind < AtWrites + AtStart ? life / 10 : life), 0);
    }

    /// <summary>Waits for the moment; false if the process ended before.</summary>
    /// <param name="process">The process.</param>
    /// <param name="folder">Folder of its run.</param>
    public bool WaitFor(Process process, string folder)
    {
        if (Write > 0 && !WaitForWrite(process, folder))
            return false;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds)
        {
            if (process.HasExited)
                return false;
            Thread.Sleep(Write > 0 ? 0 : 1);
        }

        return !process.HasExited;
    }

    /// <summary>Whether a file of a run is being written.</summary>
    public static bool IsWriting(string folder) => Writing(folder).Any();

    private bool WaitForWrite(Process process, string folder)
    {
        string? last = null;
        for (int seen = 0; !process.HasExited; Thread.Sleep(0))
        {
            string? now = Writing(folder).FirstOrDefault();
            if (now is not null && now != last && ++seen >= Write)
                return true;
            last = now;
        }

        return false;
    }

    private static IEnumerable<string> Writing(string folder)
    {
        try
        {
            return !Directory.Exists(folder) ? [] : [.. Directory.EnumerateFiles(folder, "*" + AtomicFile.TemporarySuffix, SearchOption.AllDirectories)];
        }
        catch (IOException)
        {
            return []; // a folder was renamed while it was read
        }
    }
}

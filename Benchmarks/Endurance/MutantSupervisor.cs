using System.Diagnostics;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>
/// Lets processes of their own read the mutants of a format, so that a stack overflow, a lack of memory or an endless loop ends one of them and is
/// counted, with the mutant that caused it. A process that died is followed by one that begins behind that mutant.
/// </summary>
/// <param name="start">Describes a process that reads a number of mutants, from a first one on, and writes their results to the log at a path.</param>
/// <param name="seconds">Time for one mutant; a process that adds nothing to its log for ten times as long is killed.</param>
internal sealed class MutantSupervisor(Func<long, long, string, ProcessStartInfo> start, double seconds)
{
    private const int MaxDeaths = 50;
    private const double Grace = 10, StartSeconds = 120;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    /// <summary>Reads mutants 0 to <paramref name="count"/> - 1, fewer if the time is up or <see cref="MaxDeaths"/> processes have died.</summary>
    /// <param name="count">Number of mutants.</param>
    /// <param name="log">Path of the log, which must not exist.</param>
    /// <param name="deadline">Time after which no more are read.</param>
    /// <exception cref="InvalidOperationException">A process ended before it read its first mutant.</exception>
    public IReadOnlyList<MutantResult> Run(long count, string log, DateTime deadline)
    {
        long first = 0;
        for (int deaths = 0; first < count && deaths < MaxDeaths && DateTime.UtcNow < deadline;)
        {
            string? death = RunOne(first, count - first, log, deadline);
            (IReadOnlyList<MutantResult> done, long? open) = MutantLog.Read(log);
            if (death is null)
                return done;
            if (open is not { } index)
            {
                if (done.Count == 0 || done[^1].Index < first)
                    throw new InvalidOperationException($"a process ended before its first mutant: {death}");
                index = done[^1].Index; // it died behind a mutant that was finished, as a finaliser may do
            }

            deaths++;
            using (var writer = new MutantLog(log))
                writer.End(new MutantResult(index, death.StartsWith("no end", StringComparison.Ordinal) ? MutantOutcome.TooSlow : MutantOutcome.Crashed, 0, 0, death));
            first = index + 1;
        }

        return MutantLog.Read(log).Done;
    }

    /// <summary>Returns how the process died; null if it ended well, or because the time was up.</summary>
    private string? RunOne(long first, long count, string log, DateTime deadline)
    {
        using Process process = Process.Start(start(first, count, log))!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        long length = -1, firstLength = LengthOf(log);
        var silence = Stopwatch.StartNew();
        while (!process.WaitForExit(Poll))
        {
            if (LengthOf(log) is var now && now != length)
            {
                length = now;
                silence.Restart();
            }

            bool late = DateTime.UtcNow > deadline, stuck = silence.Elapsed.TotalSeconds > (length == firstLength ? StartSeconds : Grace * seconds);
            if (!late && !stuck)
                continue;
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return late ? null : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"no end within {silence.Elapsed.TotalSeconds:F0} s");
        }

        return process.ExitCode == 0 ? null : $"the process ended with {process.ExitCode}: {errors.Result.Split('\n').FirstOrDefault(line => line.Length > 0)?.Trim()}";
    }

    private static long LengthOf(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;
}

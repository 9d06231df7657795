using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>What the reading of a mutant may take, and where mutants come from.</summary>
/// <param name="Seed">Seed of the mutants.</param>
/// <param name="Seconds">Maximum time of one.</param>
/// <param name="Mebibytes">Maximum memory of one.</param>
internal sealed record MutantLimits(ulong Seed, double Seconds, double Mebibytes);

/// <summary>Reads mutants of a format in this process, one after another.</summary>
internal static class MutantReader
{
    /// <summary>Makes a sample of a format in an empty folder, then reads mutants of it and writes their results to a log.</summary>
    /// <param name="format">The format.</param>
    /// <param name="folder">An empty folder.</param>
    /// <param name="first">Number of the first mutant.</param>
    /// <param name="count">Number of mutants.</param>
    /// <param name="limits">Seed and limits.</param>
    /// <param name="log">Receives the results.</param>
    /// <exception cref="InvalidOperationException">The valid sample itself does not read.</exception>
    [SuppressMessage("Design", "CA1031", Justification = "An exception of any other kind is what is looked for.")]
    public static void Run(FileFormat format, string folder, long first, long count, MutantLimits limits, MutantLog log)
    {
        using var device = new CpuDevice(threads: 1);
        FileSample sample = format.Prepare(folder, device);
        byte[] valid = File.ReadAllBytes(sample.Path), content = ReadValid(format, sample);
        using var self = Process.GetCurrentProcess();
        long peak = PeakOf(self);
        for (long index = first; index < first + count; index++)
        {
            byte[] mutant = Mutation.Apply(valid, format.Structure, limits.Seed, index);
            File.WriteAllBytes(sample.Path, mutant);
            log.Begin(index);
            long allocated = GC.GetTotalAllocatedBytes(), start = Stopwatch.GetTimestamp();
            (MutantOutcome outcome, string message) = (MutantOutcome.Refused, "");
            try
            {
                byte[] read = sample.Read();
                bool changed = format.HasChecksum && !read.AsSpan().SequenceEqual(content);
                (outcome, message) = changed ? (MutantOutcome.ChangedSilently, "reads to another content") : (MutantOutcome.Read, "");
            }
            catch (Exception e) when (e is InvalidFileException or UsageException)
            {
                message = e.Message;
                if (message.AsSpan().ContainsAny('\n', '\r'))
                    (outcome, message) = (MutantOutcome.Crashed, "a message of several lines: " + message);
            }
            catch (Exception e)
            {
                (outcome, message) = (MutantOutcome.Crashed, $"{e.GetType().Name}: {e.Message} {e.StackTrace?.Split('\n').FirstOrDefault()?.Trim()}");
            }

            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            long before = peak;
            peak = PeakOf(self);
            double mebibytes = Math.Max(GC.GetTotalAllocatedBytes() - allocated, peak - before) / (double)(1 << 20);
            if (outcome < MutantOutcome.Crashed && seconds > limits.Seconds)
                outcome = MutantOutcome.TooSlow;
            else if (outcome < MutantOutcome.Crashed && mebibytes > limits.Mebibytes)
                outcome = MutantOutcome.TooLarge;
            log.End(new MutantResult(index, outcome, 1e3 * seconds, mebibytes, message));
        }
    }

    private static byte[] ReadValid(FileFormat format, FileSample sample)
    {
        try
        {
            return sample.Read();
        }
        catch (Exception e) when (e is InvalidFileException or UsageException)
        {
            throw new InvalidOperationException($"{format.Name}: the valid sample does not read: {e.Message}", e);
        }
    }

    private static long PeakOf(Process self)
    {
        self.Refresh();
        return self.PeakWorkingSet64;
    }
}

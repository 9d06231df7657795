using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Benchmarks.Processes;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>Reads mutants of all formats and counts what happens; keeps each mutant that shows a fault.</summary>
/// <param name="limits">Seed and limits of a mutant.</param>
/// <param name="folder">Folder for logs and for mutants that show a fault.</param>
/// <param name="progress">Receives a line for each format.</param>
internal sealed class MutationTrial(MutantLimits limits, string folder, TextWriter progress)
{
    /// <summary>Arguments of this program with which a process reads mutants.</summary>
    public const string Verb = "read-mutants";

    private const int KeptOfAFormat = 20;

    /// <summary>Reads mutants of each format until the deadline.</summary>
    /// <returns>The result. Silent changes are counted and are no fault of this trial.</returns>
    public TrialResult Run(IEnumerable<FileFormat> formats, long mutants, DateTime deadline)
    {
        var table = new MarkdownTable("format", "mutants", "refused", "read", "changed silently", "crashes", "too slow", "too large", "slowest ms", "largest MiB");
        var clock = Stopwatch.StartNew();
        bool sound = true;
        int count = 0, faultCount = 0, silentCount = 0;
        long fewest = long.MaxValue;
        foreach (FileFormat format in formats)
        {
            IReadOnlyList<MutantResult> results = Run(format, mutants, deadline);
            int Of(MutantOutcome outcome) => results.Count(each => each.Outcome == outcome);
            MutantResult[] faults = [.. results.Where(each => each.Outcome >= MutantOutcome.Crashed)], silent = [.. results.Where(each => each.Outcome == MutantOutcome.ChangedSilently)];
            table.Add(
                format.Name, results.Count, Of(MutantOutcome.Refused), Of(MutantOutcome.Read), format.HasChecksum ? silent.Length : null,
                Of(MutantOutcome.Crashed), Of(MutantOutcome.TooSlow), Of(MutantOutcome.TooLarge),
                results.Select(each => each.Milliseconds).DefaultIfEmpty().Max(), results.Select(each => each.Mebibytes).DefaultIfEmpty().Max());
            sound &= faults.Length == 0 && results.Count > 0 && (!format.HasChecksum || silent.Length == 0);
            (count, faultCount, silentCount, fewest) = (count + 1, faultCount + faults.Length, silentCount + silent.Length, Math.Min(fewest, results.Count));
            progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format.Name}: {results.Count} mutants, {faults.Length} faults"));
            Keep(format, [.. faults.Take(KeptOfAFormat), .. silent.Take(KeptOfAFormat)]);
        }

        progress.WriteLine();
        progress.WriteLine(table);
        return new TrialResult(
            "mutate", string.Create(CultureInfo.InvariantCulture, $"{fewest} mutants of each of {count} formats"),
            string.Create(CultureInfo.InvariantCulture, $"{faultCount} crashes, hangs and excesses; {silentCount} silent changes"), sound, clock.Elapsed.TotalMinutes);
    }

    private IReadOnlyList<MutantResult> Run(FileFormat format, long mutants, DateTime deadline)
    {
        Directory.CreateDirectory(folder);
        string log = Path.Combine(folder, format.Name + ".log");
        File.Delete(log);
        ChildProgram program = ChildProgram.Benchmarks;
        var supervisor = new MutantSupervisor(
            (first, count, path) => program.Start(
                "endure", Verb, "--formats", format.Name, "--first", Text(first), "--mutants", Text(count), "--seed", Text(limits.Seed),
                "--seconds", Text(limits.Seconds), "--mebibytes", Text(limits.Mebibytes), "--log", path),
            limits.Seconds);
        return supervisor.Run(mutants, log, deadline);
    }

    /// <summary>Writes mutants under their format, number and outcome, and prints why each is kept.</summary>
    private void Keep(FileFormat format, MutantResult[] results)
    {
        if (results.Length == 0)
            return;
        DirectoryInfo work = Directory.CreateTempSubdirectory("trigflow-mutants-");
        try
        {
            using var device = new CpuDevice(threads: 1);
            byte[] valid = File.ReadAllBytes(format.Prepare(work.FullName, device).Path);
            foreach (MutantResult each in results)
            {
                string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{format.Name}-{each.Index}-{each.Outcome}"));
                File.WriteAllBytes(path, Mutation.Apply(valid, format.Structure, limits.Seed, each.Index));
                if (each.Outcome >= MutantOutcome.Crashed)
                    progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {path}: {each.Message} ({each.Milliseconds:F0} ms, {each.Mebibytes:F0} MiB)"));
            }
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    private static string Text(IConvertible number) => number.ToString(CultureInfo.InvariantCulture);
}

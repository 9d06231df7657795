using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Benchmarks.Processes;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>Repeats the verb run in processes of its own, a round each, all rows in each round.</summary>
/// <param name="parsed">The command line.</param>
/// <param name="keep">Folder that receives the log and the resources of the first round; null for none.</param>
/// <param name="more">Further words of each round's command line.</param>
internal sealed class RoundRuns(ParseResult parsed, string? keep, string[] more)
{
    private static readonly string[] OfThisProcess = ["--rounds", "--compare", "--out", SustainArguments.Switch], Peers = ["--peer"], Choosing = ["--filter", "--preset", "--shape", "--shapes", "--batch"];
    private static readonly string[] Kept = ["resources.csv", "benchmarkdotnet.log"];

    /// <summary>Whether a process found a wrong result, a failure or a peer's fault.</summary>
    public bool HasBadResult { get; private set; }

    /// <summary>Measures the cases of the command line; peers are measured in the first round alone.</summary>
    public BenchmarkRow[] Run(int rounds)
    {
        var tables = new List<IReadOnlyList<BenchmarkRow>>();
        for (int i = 0; i < rounds; i++)
        {
            tables.Add(RunOne(Without(i == 0 ? OfThisProcess : [.. OfThisProcess, .. Peers]), string.Create(CultureInfo.InvariantCulture, $"round {i + 1} of {rounds}"), i == 0));
            if (keep is not null)
                RunFolder.WriteSoFar(keep, RoundTable.Merge(tables));
        }

        return RoundTable.Merge(tables);
    }

    /// <summary>Measures some rows again, in as many further rounds, and returns the table with these rounds added.</summary>
    public BenchmarkRow[] Repeat(int rounds, BenchmarkRow[] table, IReadOnlyCollection<BenchmarkRow> rows)
    {
        string shapes = Path.GetTempFileName();
        try
        {
            CsvTable.Write(shapes, rows.Select(row => new NamedCase(row.Op, row.Direction, row.Shape)).Distinct());
            string[] arguments = [.. Without([.. OfThisProcess, .. Peers, .. Choosing]), "--shapes", shapes];
            var tables = new List<IReadOnlyList<BenchmarkRow>> { table };
            for (int i = 0; i < rounds; i++)
                tables.Add(RunOne(arguments, string.Create(CultureInfo.InvariantCulture, $"again, round {i + 1} of {rounds}"), first: false));
            return RoundTable.Merge(tables);
        }
        finally
        {
            File.Delete(shapes);
        }
    }

    private IReadOnlyList<BenchmarkRow> RunOne(string[] arguments, string title, bool first)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("trigflow-round-");
        try
        {
            using Process process = Process.Start(ChildProgram.Benchmarks.Start([.. arguments, .. more, "--rounds", "1", "--out", folder.FullName]))!;
            process.StandardInput.Close();
            _ = process.StandardOutput.ReadToEndAsync();
            string last = "";
            while (process.StandardError.ReadLine() is { } line)
                Console.Error.WriteLine($"{title}: {last = line}");
            process.WaitForExit();
            if (process.ExitCode is not (0 or Verbs.BadResult))
                throw new UsageException($"{title} ended with {process.ExitCode}: {last}");
            HasBadResult |= process.ExitCode == Verbs.BadResult;
            foreach (string name in Kept.Where(name => first && keep is not null && File.Exists(Path.Combine(folder.FullName, name))))
            {
                Directory.CreateDirectory(keep!);
                File.Copy(Path.Combine(folder.FullName, name), Path.Combine(keep!, name), overwrite: true);
            }

            return CsvTable.Read<BenchmarkRow>(Path.Combine(folder.FullName, RunFolder.Table));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The words of the command line without some options and their values.</summary>
    private string[] Without(string[] options)
    {
        var words = new List<string>();
        bool left = false;
        foreach (Token token in parsed.Tokens)
        {
            if (token.Type != TokenType.Argument)
                left = options.Contains(token.Value);
            if (!left)
                words.Add(token.Value);
        }

        return [.. words];
    }

    private sealed record NamedCase(
        [property: CsvHelper.Configuration.Attributes.Name("op")] string Op,
        [property: CsvHelper.Configuration.Attributes.Name("direction")] string Direction,
        [property: CsvHelper.Configuration.Attributes.Name("shape")] string Shape);
}

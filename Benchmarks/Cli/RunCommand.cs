using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>run: measures the chosen cases, each checked first, beside peers and an older table.</summary>
internal static class RunCommand
{
    private static readonly Option<string[]> Peer = new("--peer")
    {
        Description = "CSV files with the columns op, direction, shape, us: a peer's table, or one of ours.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Selection Selection = new();
    private static readonly Option<string?> Compare = Verbs.CompareOption();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("run", "Checks and times the chosen cases; exit code 1 if a result is wrong, a case fails, or --compare finds a regression.") { Peer, Compare, Out };
        command.Aliases.Add("kernels");
        Selection.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        BenchmarkCase[] cases = Selection.Choose(parsed);
        var peers = new PeerTimes(parsed.GetValue(Peer) ?? []);
        using ComputeDevice device = Selection.Open(parsed);
        using var bench = KernelBench.On(device, Selection.TypeOf(parsed));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{device.Description}; copy {bench.Ceilings.BytesPerSecond / 1e12:F2} TB/s, products {bench.Ceilings.FlopsPerSecond / 1e12:F1} TFLOP/s"));
        var rows = new List<BenchmarkRow>();
        foreach (KernelCase each in cases.OfType<KernelCase>())
        {
            BenchmarkRow row = peers.Beside(bench.Run(each));
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{row.Name}: {row.Microseconds:F1} us, {row.Tflops:F1} TFLOP/s, error {row.Error:0.0e+0}, {row.Verdict} {row.Note}"));
            rows.Add(row);
        }

        Console.WriteLine(RowTables.Full(rows));
        Console.WriteLine(RowTables.Summary(rows));
        if (parsed.GetValue(Out) is { } folder)
        {
            RunFolder.Write(folder, rows);
            RunFolder.WriteResources(folder, device); // last: a kernel that failed may have taken the device with it
        }

        return Verbs.Compare(parsed.GetValue(Compare), rows) ? Verbs.BadResult : ExitCode(rows);
    }

    /// <summary>0 if every row is right.</summary>
    internal static int ExitCode(IEnumerable<BenchmarkRow> rows) => rows.All(row => row.Verdict == BenchmarkRow.Right) ? 0 : Verbs.BadResult;
}

using System.CommandLine;
using TrigFlowNative.Benchmarks.Peers;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Tables;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>report: makes tables and pictures of earlier runs, on this machine or another.</summary>
internal static class ReportCommand
{
    private static readonly Argument<string[]> Tables = new("tables") { Description = "CSV files of runs. Of a row in several files the last one counts; peers' rows are compared with ours.", Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string[]> Peer = new("--peer")
    {
        Description = "CSV files of peers with the columns op, direction, shape, us, which are compared with ours; of a case in several files the last one counts.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string?> Compare = Verbs.CompareOption();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("report", "Makes tables and pictures of runs that were measured before; with --compare, prints changes, and exit code 1 on a regression.") { Tables, Peer, Compare, Out };
        command.SetAction(parsed =>
        {
            var peers = new PeerTimes(parsed.GetValue(Peer) ?? []);
            BenchmarkRow[] all = [.. parsed.GetValue(Tables)!.SelectMany(CsvTable.Read<BenchmarkRow>).GroupBy(row => (row.Name, row.Type, row.Path)).Select(same => same.Last())];
            BenchmarkRow[] rows = FastestPeer.Beside(all.Where(row => row.IsOurs).Select(peers.Beside), [.. all.Where(row => !row.IsOurs)]);
            Console.WriteLine(RowTables.Full(rows));
            Console.WriteLine(RowTables.Summary(rows));
            if (parsed.GetValue(Out) is { } folder)
                RunFolder.Write(folder, rows);
            return Verbs.Compare(parsed.GetValue(Compare) is { } older ? Verbs.ReadOlder(older) : null, rows) ? Verbs.BadResult : 0;
        });
        return command;
    }
}

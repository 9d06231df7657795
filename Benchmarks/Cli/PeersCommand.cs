using System.CommandLine;
using TrigFlowNative.Benchmarks.Report;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>peers: sets tables of ours beside tables of peers, after the runs.</summary>
internal static class PeersCommand
{
    private static readonly Option<string> Kernels = new("--kernels") { Description = "kernels.csv of ours.", Required = true };
    private static readonly Option<string[]> Peer = new("--peer")
    {
        Description = "CSV files with the columns op, direction, shape, us; a later one wins.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("peers", "Sets a table of ours beside tables of peers.") { Kernels, Peer, Out };
        command.SetAction(parsed =>
        {
            var peers = new PeerTimes(parsed.GetValue(Peer)!);
            BenchmarkRow[] rows = [.. CsvTable.Read<BenchmarkRow>(parsed.GetValue(Kernels)!).Select(peers.Beside)];
            if (parsed.GetValue(Out) is { } folder)
                CsvTable.Write(Path.Combine(folder, RunFolder.Table), rows);
            Console.WriteLine(RowTables.Full(rows));
            Console.WriteLine(RowTables.Summary(rows));
            return 0;
        });
        return command;
    }
}

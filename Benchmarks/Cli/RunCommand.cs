using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Benchmarks.Host;
using TrigFlowNative.Benchmarks.Peers;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>run: checks and times the chosen cases, and compares them with peers and with an older table.</summary>
internal static class RunCommand
{
    private const string HostLog = "benchmarkdotnet.log";

    private static readonly Option<string[]> Peer = new("--peer")
    {
        Description = "Peers to compare with. native: cuBLASLt and cuDNN, where they are installed; pytorch, pytorch-compile (takes minutes): PyTorch, by scripts; or CSV files with the columns op, direction, shape, us.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Selection Selection = new();
    private static readonly Option<string?> Compare = Verbs.CompareOption();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("run", "Checks and times the chosen cases; exit code 1 if a result is wrong, a case fails, or --compare finds a regression.") { Peer, Compare, Out };
        Selection.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        SuiteCase[] cases = Selection.Choose(parsed);
        var peers = new PeerChoice(parsed.GetValue(Peer) ?? []);
        string? folder = parsed.GetValue(Out);
        using ComputeDevice device = Selection.Open(parsed);
        BenchmarkRow[] rows = Measure(cases, device, Selection.TypeOf(parsed), Selection.IsQuick(parsed), folder, peers);
        Console.WriteLine(RowTables.Full(rows));
        Console.WriteLine(RowTables.Summary(rows));
        if (folder is not null)
        {
            RunFolder.Write(folder, rows);
            RunFolder.WriteResources(folder, device); // last, since after a kernel's failure the device may be unusable
        }

        if (peers.Fault is { } fault)
            Console.Error.WriteLine($"benchmarks: {fault}");
        bool regressed = Verbs.Compare(parsed.GetValue(Compare), rows);
        return regressed || peers.Fault is not null ? Verbs.BadResult : ExitCode(rows.Take(cases.Length)); // peers' rows do not decide
    }

    /// <summary>
    /// Times ops on a GPU by the device's clock; pieces of work, and ops on the cpu device, by the host's clock. Returns our rows in the order of the cases,
    /// then the peers' rows.
    /// </summary>
    private static BenchmarkRow[] Measure(SuiteCase[] cases, ComputeDevice device, DType type, bool quick, string? folder, PeerChoice peers)
    {
        using var bench = KernelBench.On(device, type);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{device.Description}; copy {bench.Ceilings.BytesPerSecond / 1e12:F2} TB/s, products {bench.Ceilings.FlopsPerSecond / 1e12:F1} TFLOP/s"));
        using NativePeers? natives = peers.OpenNative(device, bench);
        if (natives is not null)
            Console.WriteLine($"peers: {natives.Description}");
        var rows = new Dictionary<SuiteCase, BenchmarkRow>();
        List<BenchmarkRow> theirs = [], printed = [];
        void Print(BenchmarkRow row)
        {
            printed.Add(row);
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{row.Name} ({row.Path}): {row.Microseconds:F1} us, {row.Tflops:F1} TFLOP/s, error {row.Error:0.0e+0}, {row.Verdict} {row.Note}"));
            if (folder is not null)
                RunFolder.WriteSoFar(folder, printed);
        }

        foreach (KernelCase each in cases.OfType<KernelCase>().Where(_ => device is not CpuDevice))
        {
            Print(rows[each] = bench.Run(each));
            foreach (BenchmarkRow peer in natives?.Run(each) ?? [])
            {
                Print(peer);
                theirs.Add(peer);
            }
        }

        SuiteCase[] others = [.. cases.Where(each => !rows.ContainsKey(each))];
        if (others.Length > 0)
        {
            using TextWriter log = folder is null ? TextWriter.Null : OpenLog(folder);
            var host = new HostBench(device, bench.Ceilings, quick, log, some => some.ToList().ForEach(Print));
            foreach ((SuiteCase each, BenchmarkRow row) in others.Zip(host.Run(others)))
                rows[each] = row;
        }

        return peers.Beside(cases, [.. cases.Select(each => rows[each])], theirs, device);
    }

    private static StreamWriter OpenLog(string folder)
    {
        Directory.CreateDirectory(folder);
        return new StreamWriter(Path.Combine(folder, HostLog));
    }

    /// <summary>Returns 0 if every row is right, otherwise <see cref="Verbs.BadResult"/>.</summary>
    internal static int ExitCode(IEnumerable<BenchmarkRow> rows) => rows.All(row => row.Verdict == BenchmarkRow.Right) ? 0 : Verbs.BadResult;
}

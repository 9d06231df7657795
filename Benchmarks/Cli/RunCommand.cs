using System.CommandLine;
using TrigFlowNative.Benchmarks.Host;
using TrigFlowNative.Benchmarks.Peers;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>run: checks and times the chosen cases, and compares them with peers and with an older table.</summary>
internal static class RunCommand
{
    private const string HostLog = "benchmarkdotnet.log";
    private const int ComparedRounds = 5;

    private static readonly Option<string[]> Peer = new("--peer")
    {
        Description = "Peers to compare with. native: cuBLASLt and cuDNN, where they are installed; pytorch, pytorch-compile (takes minutes): PyTorch, by scripts; or CSV files with the columns op, direction, shape, us.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Selection Selection = new();
    private static readonly SustainArguments Sustaining = new();
    private static readonly Option<string?> Compare = Verbs.CompareOption();
    private static readonly Option<string?> Out = Verbs.OutOption();
    private static readonly Option<int?> Rounds = new("--rounds")
    {
        Description = $"Rounds, each a process of its own in which all rows are measured; the interval of each row's median over them is what --compare judges by. {ComparedRounds} with --compare, otherwise 1.",
    };

    public static Command Create()
    {
        var command = new Command("run", "Checks and times the chosen cases; exit code 1 if a result is wrong, a case fails, or --compare finds a regression.") { Peer, Compare, Rounds, Out };
        Selection.AddTo(command);
        Sustaining.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        SuiteCase[] cases = Selection.Choose(parsed);
        SustainOptions? sustain = Sustaining.Options(parsed, Selection.DeviceName(parsed), Selection.IsQuick(parsed));
        var peers = new PeerChoice(parsed.GetValue(Peer) ?? []) { Sustain = sustain };
        (string? folder, string? older) = (parsed.GetValue(Out), parsed.GetValue(Compare));
        int rounds = parsed.GetValue(Rounds) ?? (older is null ? 1 : ComparedRounds);
        if (rounds < 1)
            throw new UsageException("--rounds is at least 1");
        IReadOnlyList<BenchmarkRow>? before = older is null ? null : Verbs.ReadOlder(older);
        if (rounds == 1)
            return RunOnce(parsed, cases, peers, sustain, folder, before);
        var runs = new RoundRuns(parsed, folder, Sustaining.InRounds(parsed));
        BenchmarkRow[] rows = runs.Run(rounds);
        if (before is not null && new Comparison(before, rows).Regressions.Where(change => change.Ratio is not null).Select(change => change.Newer).ToArray() is { Length: > 0 } slower)
        {
            Console.Error.WriteLine($"{slower.Length} rows seem slower: they are measured again, since a change is the same in each process and a disturbance is not");
            rows = runs.Repeat(rounds, rows, slower);
        }

        Tell(rows, folder);
        return Verbs.Compare(before, rows) || runs.HasBadResult ? Verbs.BadResult : ExitCode(rows.Where(row => row.IsOurs));
    }

    /// <summary>Measures in this process.</summary>
    private static int RunOnce(ParseResult parsed, SuiteCase[] cases, PeerChoice peers, SustainOptions? sustain, string? folder, IReadOnlyList<BenchmarkRow>? before)
    {
        var machine = Machine.Now();
        using ComputeDevice device = Selection.Open(parsed);
        BenchmarkRow[] rows =
        [
            .. Measure(cases, device, Selection.TypeOf(parsed), Selection.IsQuick(parsed), sustain, folder, peers).Select(row => row with { Machine = machine.Description, Load = machine.Load }),
        ];
        Tell(rows, folder);
        if (folder is not null)
            RunFolder.WriteResources(folder, device); // last, since after a kernel's failure the device may be unusable
        if (peers.Fault is { } fault)
            Console.Error.WriteLine($"benchmarks: {fault}");
        bool regressed = Verbs.Compare(before, rows);
        return regressed || peers.Fault is not null ? Verbs.BadResult : ExitCode(rows.Take(cases.Length)); // peers' rows do not decide
    }

    private static void Tell(BenchmarkRow[] rows, string? folder)
    {
        Console.WriteLine(RowTables.Full(rows));
        Console.WriteLine(RowTables.Summary(rows));
        if (folder is not null)
            RunFolder.Write(folder, rows);
    }

    /// <summary>
    /// Times ops on a GPU by the device's clock; pieces of work, and ops on the cpu device, by the host's clock. Returns our rows in the order of the cases,
    /// then the peers' rows.
    /// </summary>
    private static BenchmarkRow[] Measure(SuiteCase[] cases, ComputeDevice device, DType type, bool quick, SustainOptions? sustain, string? folder, PeerChoice peers)
    {
        using var bench = KernelBench.On(device, type);
        Console.WriteLine($"{device.Description}; copy {RateText.Bytes(bench.Ceilings.BytesPerSecond)}, products {RateText.Flops(bench.Ceilings.FlopsPerSecond)}");
        using NativePeers? natives = peers.OpenNative(device, bench);
        if (natives is not null)
            Console.WriteLine($"peers: {natives.Description}");
        var rows = new Dictionary<SuiteCase, BenchmarkRow>();
        List<BenchmarkRow> theirs = [], printed = [];
        void Print(BenchmarkRow row)
        {
            printed.Add(row);
            Console.Error.WriteLine(RateText.Line(row));
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
            Ceilings kept = sustain is null || !others.Any(each => each is WorkCase { IsSustained: true, IsBoundByDevice: true }) ? Ceilings.Unknown : SustainedCeilings.Measure(device, type, sustain);
            if (kept != Ceilings.Unknown)
                Console.WriteLine($"under sustained load: copy {RateText.Bytes(kept.BytesPerSecond)}, products {RateText.Flops(kept.FlopsPerSecond)}");
            var host = new HostBench(device, bench.Ceilings, quick, log, some => some.ToList().ForEach(Print)) { Sustain = sustain, SustainedCeilings = kept };
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

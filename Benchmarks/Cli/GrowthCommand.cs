using System.CommandLine;
using System.Text;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Host;
using TrigFlowNative.Benchmarks.Peers;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>growth: times steps and sampling over rising batches and sizes of a network; what does not fit the memory is a row that says so.</summary>
internal static class GrowthCommand
{
    private static readonly Option<string[]> Work = new("--work")
    {
        Description = "Kinds of work, such as step/sct, step/scd-guided and sample/2-step.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["step/sct"],
    };

    private static readonly Option<string> Preset = Verbs.PresetOption();
    private static readonly Option<int[]> Batches = new("--batches") { Description = "Images of a run, one row for each; by default 64.", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<string[]> Sizes = new("--sizes")
    {
        Description = "Sizes of the network, one row for each: names of presets, or what takes the place of the last part of --preset's name, such as s m l xl for imagenet64-s.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<int> MicroBatch = new("--micro-batch") { Description = "Images of a pass, whose gradients a training step adds up; 0 for the whole batch.", DefaultValueFactory = _ => 0 };
    private static readonly Option<string[]> Peer = new("--peer") { Description = "pytorch or pytorch-compile: the same works in PyTorch.", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<bool> Quick = new("--quick") { Description = "Fewer runs in a burst, and none under sustained load unless it is asked for." };
    private static readonly Option<string> Device = Verbs.DeviceOption(), TensorCores = Verbs.TensorCoresOption(), Precision = Verbs.PrecisionOption();
    private static readonly Option<string?> Out = Verbs.OutOption();
    private static readonly SustainArguments Sustaining = new();

    public static Command Create()
    {
        var command = new Command("growth", "Times steps and sampling over batches and sizes of a network; writes growth.csv and growth.md. Exit code 1 if a row fails for another reason than too little memory.")
        {
            Work, Preset, Batches, Sizes, MicroBatch, Peer, Quick, Device, TensorCores, Precision, Out,
        };
        Sustaining.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        DType type = Verbs.TypeOf(parsed.GetValue(Precision)!, parsed.GetValue(Device)!);
        (SuiteCase Case, string Preset, int Batch)[] works = [.. Choose(parsed, type)];
        bool quick = parsed.GetValue(Quick);
        SustainOptions? sustain = Sustaining.Options(parsed, parsed.GetValue(Device)!, quick);
        var peers = new PeerChoice(parsed.GetValue(Peer) ?? []) { Sustain = sustain };
        string? folder = parsed.GetValue(Out);
        using ComputeDevice device = Verbs.Open(parsed.GetValue(Device)!, parsed.GetValue(TensorCores)!, type);
        Ceilings ceilings;
        using (var bench = KernelBench.On(device, type))
            ceilings = bench.Ceilings;
        SuiteCase[] cases = [.. works.Select(each => each.Case)];
        var soFar = new List<BenchmarkRow>();
        var host = new HostBench(device, ceilings, quick, TextWriter.Null, Tell)
        {
            Sustain = sustain,
            SustainedCeilings = sustain is null ? Ceilings.Unknown : SustainedCeilings.Measure(device, type, sustain),
        };
        BenchmarkRow[] rows = peers.Beside(cases, [.. host.Run(cases)], [], device);
        IReadOnlyList<GrowthRow> lines = Lines(rows);
        Console.WriteLine(device.Description);
        Console.WriteLine(GrowthRow.Table(lines));
        if (folder is not null)
            AtomicFile.WriteAllBytes(Path.Combine(folder, "growth.md"), Encoding.UTF8.GetBytes($"{device.Description}\n\n{GrowthRow.Table(lines)}"));
        Write(lines);
        if (peers.Fault is { } fault)
            Console.Error.WriteLine($"benchmarks: {fault}");
        return peers.Fault is null && rows.Take(cases.Length).All(row => row.Verdict is BenchmarkRow.Right or BenchmarkRow.OutOfMemory) ? 0 : Verbs.BadResult;

        void Tell(IEnumerable<BenchmarkRow> some)
        {
            foreach (BenchmarkRow row in some)
                Console.Error.WriteLine(RateText.Line(row));
            soFar.AddRange(some);
            Write(Lines(soFar));
        }

        IReadOnlyList<GrowthRow> Lines(IEnumerable<BenchmarkRow> measured) =>
            [.. from row in measured let work = works.First(each => each.Case.Name == row.Name) select GrowthRow.Of(row, work.Preset, work.Batch)];

        void Write(IEnumerable<GrowthRow> some)
        {
            if (folder is not null)
                CsvTable.Write(Path.Combine(folder, "growth.csv"), some);
        }
    }

    /// <summary>The cases by work, then by size, then by batch.</summary>
    /// <exception cref="UsageException">A kind of work, a preset or a batch is invalid.</exception>
    private static IEnumerable<(SuiteCase Case, string Preset, int Batch)> Choose(ParseResult parsed, DType type)
    {
        int[] batches = parsed.GetValue(Batches) is { Length: > 0 } given ? given : [64];
        string preset = parsed.GetValue(Preset)!;
        string[] presets = parsed.GetValue(Sizes) is { Length: > 0 } sizes ? [.. sizes.Select(size => OfSize(preset, size))] : [preset];
        int micro = parsed.GetValue(MicroBatch);
        if (batches.Any(batch => batch < 1) || micro < 0)
            throw new UsageException("--batches are at least 1, and --micro-batch at least 0");
        foreach (string work in parsed.GetValue(Work)!.Distinct())
        {
            if (work.Split('/') is not ["step" or "sample", _])
                throw new UsageException($"--work {work}: expected step/OBJECTIVE or sample/N-step");
            foreach (string each in presets.Distinct())
                foreach (int batch in batches.Distinct())
                {
                    string shape = $"{each} n{batch}" + (micro > 0 && micro < batch && work.StartsWith("step/", StringComparison.Ordinal) ? $" m{micro}" : "");
                    yield return (BenchmarkSuite.Named($"{work}/{shape}", type).Single(), each, batch);
                }
        }
    }

    /// <summary>The preset named by a size: itself, or the last part of a preset's name replaced.</summary>
    private static string OfSize(string preset, string size) =>
        SuitePresets.IsModel(size) || !preset.Contains('-', StringComparison.Ordinal) ? size : $"{preset[..preset.LastIndexOf('-')]}-{size}";
}

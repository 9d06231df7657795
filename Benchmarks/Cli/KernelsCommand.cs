using System.CommandLine;
using System.Globalization;
using System.Text;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>kernels: every op at every shape of the table, checked, timed and set beside a peer's time.</summary>
internal static class KernelsCommand
{
    private static readonly Option<string[]> Filter = new("--filter")
    {
        Description = "Only rows whose op/direction/shape matches one of these patterns, such as conv/forward/*32x32*.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string[]> Peer = new("--peer")
    {
        Description = "CSV files with the columns op, direction, shape, us: a peer's table, or one of ours.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<bool> Quick = new("--quick") { Description = "A few tiny shapes, for machines without a GPU." };
    private static readonly Option<bool> List = new("--list") { Description = "Prints op, direction and shape of the rows as CSV and ends." };
    private static readonly Option<int> Batch = new("--batch") { Description = "Images of the preset's rows.", DefaultValueFactory = _ => 256 };
    private static readonly Option<string> Device = Verbs.DeviceOption(), TensorCores = Verbs.TensorCoresOption();
    private static readonly Option<string> Precision = Verbs.PrecisionOption(), Preset = Verbs.PresetOption();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("kernels", "Times every op at every shape, its result checked first; exit code 1 if one is wrong.")
        {
            Filter, Device, TensorCores, Precision, Preset, Batch, Quick, List, Peer, Out,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        KernelCase[] cases = Choose(parsed);
        if (parsed.GetValue(List))
        {
            Console.WriteLine("op,direction,shape");
            foreach (KernelCase each in cases)
                Console.WriteLine($"{each.Family},{each.Direction},{each.Shape}");
            return 0;
        }

        var peers = new PeerTimes(parsed.GetValue(Peer) ?? []);
        using ComputeDevice device = Verbs.Open(parsed.GetValue(Device)!, parsed.GetValue(TensorCores)!);
        using DeviceClock clock = DeviceClock.Of(device);
        Ceilings ceilings = Ceilings.Measure(device, clock, Verbs.TypeOf(parsed.GetValue(Precision)!));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{device.Description}; copy {ceilings.BytesPerSecond / 1e12:F2} TB/s, products {ceilings.FlopsPerSecond / 1e12:F1} TFLOP/s"));
        return Report(Measure(cases, new KernelBench(device, clock, ceilings), peers), device, parsed.GetValue(Out));
    }

    private static KernelCase[] Choose(ParseResult parsed)
    {
        DType type = Verbs.TypeOf(parsed.GetValue(Precision)!);
        string[] patterns = parsed.GetValue(Filter) ?? [];
        try
        {
            IEnumerable<KernelCase> all = parsed.GetValue(Quick)
                ? CaseList.Quick(type)
                : CaseList.Full(parsed.GetValue(Preset)!, parsed.GetValue(Batch), type);
            KernelCase[] chosen = [.. all.Where(each => patterns.Length == 0 || patterns.Any(each.Matches))];
            return chosen.Length > 0 ? chosen : throw new UsageException($"--filter {string.Join(' ', patterns)}: no row matches");
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static List<KernelRow> Measure(KernelCase[] cases, KernelBench bench, PeerTimes peers)
    {
        var rows = new List<KernelRow>();
        foreach (KernelCase each in cases)
        {
            KernelRow row = peers.Beside(bench.Run(each));
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{each.Name}: {row.Microseconds:F1} us, {row.Tflops:F1} TFLOP/s, error {row.Error:0.0e+0}, {row.Verdict} {row.Note}"));
            rows.Add(row);
        }

        return rows;
    }

    /// <summary>Prints and writes the tables; the exit code says whether every row was right.</summary>
    private static int Report(IReadOnlyList<KernelRow> rows, ComputeDevice device, string? folder)
    {
        Console.WriteLine(KernelReport.Full(rows));
        Console.WriteLine(KernelReport.Summary(rows));
        if (folder is not null)
        {
            CsvTable.Write(Path.Combine(folder, "kernels.csv"), rows);
            AtomicFile.WriteAllBytes(Path.Combine(folder, "kernels.md"), Encoding.UTF8.GetBytes(KernelReport.Full(rows)));
            CsvTable.Write(Path.Combine(folder, "resources.csv"), KernelResources.Of(device)); // last: a kernel that failed may have taken the device with it
        }

        return ExitCode(rows);
    }

    /// <summary>0 if every row is right.</summary>
    internal static int ExitCode(IEnumerable<KernelRow> rows) => rows.All(row => row.Verdict == KernelRow.Right) ? 0 : Verbs.BadResult;
}

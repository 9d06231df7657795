using System.CommandLine;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>The verbs of the benchmark program and how their failures end.</summary>
internal static class Verbs
{
    /// <summary>Exit codes: a row was wrong or failed; input that cannot be used.</summary>
    public const int BadResult = 1, BadInput = 2;

    /// <summary>Runs a command line; returns the exit code.</summary>
    public static int Run(string[] arguments)
    {
        var root = new RootCommand("Times the kernels, the training step and the sampler of TrigFlowNative; RESULTS.md says what the columns mean.")
        {
            HostCommand.Create(),
            ListCommand.Create(),
            RunCommand.Create(),
            ReportCommand.Create(),
            TraceCommand.Create(),
            InspectCommand.Create(),
            ProfileCommand.Create(),
            FirstStepCommand.Create(),
        };
        ParseResult parsed = root.Parse(arguments);
        try
        {
            int code = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
            return parsed.Errors.Count > 0 ? BadInput : code;
        }
        catch (Exception e) when (e is UsageException or DeviceUnavailableException or InvalidFileException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"benchmarks: {e.Message}");
            return BadInput;
        }
    }

    /// <summary>Opens a device with the instructions asked for.</summary>
    public static ComputeDevice Open(string name, string tensorCores)
    {
        ComputeDevice device = ComputeDevice.Open(name);
        if (tensorCores != "auto")
        {
            if (device is not GpuDevice gpu)
                throw new UsageException($"--tensor-cores {tensorCores}: {device.Name} has none");
            gpu.TensorCores = Enum.Parse<TensorCorePath>(tensorCores, ignoreCase: true);
        }

        return device;
    }

    public static Option<string> DeviceOption() => Choice("--device", "Where to run.", "cuda", "cuda", "cpu", "simulator");

    public static Option<string> TensorCoresOption() => Choice(
        "--tensor-cores", "Instructions for products of bf16 matrices; auto takes the fastest that the GPU has.", "auto", "auto", "wgmma", "mma", "portable");

    public static Option<string> PrecisionOption() => Choice("--precision", "Storage of activations.", "bf16", "bf16", "fp32");

    public static Option<string> PresetOption() => new("--preset") { Description = "The network.", DefaultValueFactory = _ => "cifar10" };

    public static Option<string?> OutOption() => new("--out") { Description = "Folder for the tables; none are written without it." };

    public static Option<string?> CompareOption() => new("--compare")
    {
        Description = "An older table: prints what changed beyond the noise; exit code 1 if a row got slower by more than 5 %.",
    };

    /// <summary>Prints what changed since an older table, if there is one; whether something regressed.</summary>
    public static bool Compare(string? older, IReadOnlyList<BenchmarkRow> rows)
    {
        if (older is null)
            return false;
        var comparison = new Comparison(CsvTable.Read<BenchmarkRow>(older), rows);
        Console.WriteLine(comparison.Report());
        return comparison.HasRegression;
    }

    public static Option<string> Choice(string name, string description, string first, params string[] among)
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => first };
        option.AcceptOnlyFromAmong(among);
        return option;
    }

    /// <summary>The storage type of --precision.</summary>
    public static DType TypeOf(string precision) => precision == "bf16" ? DType.BFloat16 : DType.Float32;
}

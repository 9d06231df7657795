using System.CommandLine;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Cli;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>The verbs of the benchmark program, the options that they share, and their exit codes.</summary>
internal static class Verbs
{
    /// <summary>Exit codes: 1 if a result is wrong, a case failed or a row regressed; 2 if the input cannot be used.</summary>
    public const int BadResult = 1, BadInput = 2;

    /// <summary>Runs a command line; returns the exit code.</summary>
    public static int Run(string[] arguments)
    {
        var root = new RootCommand("Times the kernels, training steps and samplers of TrigFlowNative; RESULTS.md explains the columns.")
        {
            HostCommand.Create(),
            ListCommand.Create(),
            RunCommand.Create(),
            GrowthCommand.Create(),
            TrialCommand.Create(),
            ReportCommand.Create(),
            TraceCommand.Create(),
            InspectCommand.Create(),
            ProfileCommand.Create(),
            FirstStepCommand.Create(),
            EndureCommand.Create(),
        };
        ParseResult parsed = root.Parse(arguments.Length > 0 ? arguments : ["--help"], new ParserConfiguration { ResponseFileTokenReplacer = null }); // a path may begin with @
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine($"benchmarks: {ParseErrors.Describe(parsed, "benchmarks")}");
            return BadInput;
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception e) when (e is UsageException or DeviceUnavailableException or InvalidFileException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"benchmarks: {e.Message}");
            return BadInput;
        }
    }

    /// <summary>Opens a device with a choice of tensor-core instructions.</summary>
    /// <param name="name">Name of the device.</param>
    /// <param name="tensorCores">The value of --tensor-cores.</param>
    /// <param name="type">Storage type of activations.</param>
    /// <exception cref="UsageException">The device has no kernels for the storage type; or no tensor cores, and the choice is not auto.</exception>
    public static ComputeDevice Open(string name, string tensorCores, DType type)
    {
        if (type == DType.BFloat16 && name == "cpu")
            throw new UsageException("--precision bf16 needs a GPU: --device cpu takes fp32, which is also what auto takes there");
        ComputeDevice device = ComputeDevice.Open(name);
        if (tensorCores != "auto")
        {
            if (device is not GpuDevice gpu)
                throw new UsageException($"--tensor-cores {tensorCores}: the device {device.Name} has no tensor cores");
            gpu.TensorCores = Enum.Parse<TensorCorePath>(tensorCores, ignoreCase: true);
        }

        return device;
    }

    public static Option<string> DeviceOption() => Choice("--device", "Device to run on.", "cuda", "cuda", "cpu", "simulator");

    public static Option<string> TensorCoresOption() => Choice(
        "--tensor-cores", "Instructions for bf16 products; auto takes the fastest that the GPU has.", "auto", "auto", "wgmma", "mma", "portable");

    public static Option<string> PrecisionOption() => Choice("--precision", "Storage type of activations; auto is bf16 on a GPU and fp32 elsewhere.", "auto", "auto", "bf16", "fp32");

    public static Option<string> PresetOption() => new("--preset") { Description = "Preset of the network.", DefaultValueFactory = _ => "cifar10" };

    public static Option<string?> OutOption() => new("--out") { Description = "Folder for the files of the run; without it none are written." };

    public static Option<string?> CompareOption() => new("--compare")
    {
        Description = "Folder or CSV file of an older run: prints rows that changed beyond the intervals of their medians and the noise floor; exit code 1 if a row became slower or is no longer right.",
    };

    /// <summary>Reads the rows of an older run.</summary>
    /// <param name="path">Its folder, or its CSV file.</param>
    /// <exception cref="UsageException">There is no such file, or it is no table of rows.</exception>
    public static IReadOnlyList<BenchmarkRow> ReadOlder(string path) => CsvTable.Read<BenchmarkRow>(Directory.Exists(path) ? Path.Combine(path, RunFolder.Table) : path);

    /// <summary>Prints the changes since an older table; does nothing without one.</summary>
    /// <returns>Whether there is a regression.</returns>
    public static bool Compare(IReadOnlyList<BenchmarkRow>? older, IReadOnlyList<BenchmarkRow> rows)
    {
        if (older is null)
            return false;
        var comparison = new Comparison(older, rows);
        Console.WriteLine(comparison.Report());
        return comparison.HasRegression;
    }

    /// <summary>An option with a fixed set of values.</summary>
    public static Option<string> Choice(string name, string description, string byDefault, params string[] values)
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => byDefault };
        return option.AcceptOnly(values);
    }

    /// <summary>The storage type of --precision on a device.</summary>
    public static DType TypeOf(string precision, string device) => precision == "bf16" || (precision == "auto" && device == "cuda") ? DType.BFloat16 : DType.Float32;
}

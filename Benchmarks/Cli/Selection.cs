using System.CommandLine;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>Options of the verbs list, run and profile: the choice of cases and device.</summary>
internal sealed class Selection
{
    private const string Auto = "auto";
    private const int HostBatch = 1;

    private readonly Option<string[]> filter = new("--filter")
    {
        Description = "Only cases whose op/direction/shape matches one of these patterns, such as conv/forward/*32x32*.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> preset = new("--preset")
    {
        Description = $"Sets of shapes: {string.Join(", ", SuitePresets.Names)}. Without --preset, --shape and --shapes: standard and cifar10.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> shape = new("--shape")
    {
        Description = "Cases by name, op/shape or op/direction/shape, such as 'conv/forward/n8 64->64 32x32 k3'.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> shapes = new("--shapes") { Description = "CSV file of cases with the columns op, direction, shape; an empty direction means all directions." };
    private readonly Option<int?> batch = new("--batch") { Description = $"Images of a model's layers and training steps; by default 256 on a GPU, 128 for images of 64x64 and more, and {HostBatch} elsewhere." };
    private readonly Option<bool> quick = new("--quick") { Description = "A few shapes of each family, without a GPU some that take a processor 0.1 to 10 ms; and fewer runs." };
    private readonly Option<string> device = Verbs.Choice("--device", "Device to run on; auto takes the GPU if there is one.", Auto, Auto, "cuda", "cpu", "simulator");
    private readonly Option<string> precision = Verbs.PrecisionOption(), tensorCores = Verbs.TensorCoresOption();

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[filter, preset, shape, shapes, batch, quick, device, precision, tensorCores])
            command.Options.Add(option);
    }

    /// <summary>Opens the chosen device.</summary>
    public ComputeDevice Open(ParseResult parsed) => Verbs.Open(DeviceName(parsed), parsed.GetValue(tensorCores)!, TypeOf(parsed));

    /// <summary>The chosen storage type of activations.</summary>
    public DType TypeOf(ParseResult parsed) => Verbs.TypeOf(parsed.GetValue(precision)!, DeviceName(parsed));

    /// <summary>Whether fewer shapes and runs are measured.</summary>
    public bool IsQuick(ParseResult parsed) => parsed.GetValue(quick);

    /// <summary>The chosen cases, each once.</summary>
    /// <exception cref="UsageException">No case matches, or a preset, a shape or a file is invalid.</exception>
    public SuiteCase[] Choose(ParseResult parsed)
    {
        DType type = TypeOf(parsed);
        string[] patterns = parsed.GetValue(filter) ?? [], named = parsed.GetValue(shape) ?? [], presets = parsed.GetValue(preset) ?? [];
        string? file = parsed.GetValue(shapes);
        if (presets.Length == 0 && named.Length == 0 && file is null)
            presets = [SuitePresets.Standard, "cifar10"];
        bool onHost = DeviceName(parsed) != "cuda";
        SuiteExtent extent = !parsed.GetValue(quick) ? SuiteExtent.Full : DeviceName(parsed) switch { "cuda" => SuiteExtent.Quick, "cpu" => SuiteExtent.Host, _ => SuiteExtent.Tiny };
        if (parsed.GetValue(batch) < 1)
            throw new UsageException("--batch is at least 1");
        IEnumerable<SuiteCase> all = presets.SelectMany(each => BenchmarkSuite.Cases(new SuiteScope(each, parsed.GetValue(batch) ?? (onHost ? HostBatch : SuitePresets.UsualBatch(each)), type, extent)))
            .Concat(named.SelectMany(each => BenchmarkSuite.Named(each, type)))
            .Concat(file is null ? [] : BenchmarkSuite.FromFile(file, type));
        SuiteCase[] chosen = [.. all.Where(each => patterns.Length == 0 || patterns.Any(each.Matches)).DistinctBy(each => each.Name)];
        return chosen.Length > 0 ? chosen : throw new UsageException($"--filter {string.Join(' ', patterns)}: no case matches");
    }

    /// <summary>Name of the chosen device, auto resolved.</summary>
    public string DeviceName(ParseResult parsed) => parsed.GetValue(device) is { } name && name != Auto ? name : CudaLibrary.WhyUnavailable() is null ? "cuda" : "cpu";
}

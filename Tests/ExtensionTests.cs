using System.Reflection;
using System.Runtime.CompilerServices;
using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Extension;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests;

/// <summary>
/// What the project Extension adds with public members alone works like the project's own: its op passes the battery, its network is trained for its
/// objective, by the command line too, continued, saved, loaded and sampled, its metric is found by name, and its benchmark is timed.
/// </summary>
public class ExtensionTests
{
    private const int Batch = 8;

    /// <summary>One element; odd extents; eight and forty, of which packs are made in bf16.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Ops =>
    [
        .. TestDevices.Cross(["cpu", "simulator", "cuda"], Softsigns),
        .. TestDevices.Cross(["simulator", "cuda"], Softsigns.Select(op => op.InBFloat16())),
    ];

    private static IEnumerable<OpCase> Softsigns => new[] { new Shape(1), new Shape(3, 5, 7), new Shape(2, 3, 5, 11), new Shape(8), new Shape(1, 5, 8) }.Select(
        shape => new OpCase($"softsign {shape}", [shape], (p, x) => Softsign.Apply(p, x[0]), x => [.. x[0].Select(v => v / (1 + Math.Abs(v)))]));

    public static TheoryData<string> Devices => TestDevices.All;

    /// <summary>Before any test is listed, so that those over every objective run for the extension's too.</summary>
    [ModuleInitializer]
    internal static void Register() => Registration.Register();

    [Theory]
    [MemberData(nameof(Ops))]
    public void The_op_passes_the_battery(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(Devices))]
    public void The_benchmark_is_checked_and_timed(string device)
    {
        ComputeDevice opened = TestDevices.Get(device);
        using var bench = new KernelBench(opened, new HostClock(opened), new Ceilings(1e12, 1e12));
        BenchmarkRow row = bench.Run(new DoublingCase(5000));
        Assert.True(row is { Verdict: BenchmarkRow.Right, Error: 0, Microseconds: > 0, Bytes: 40_000, BoundBy: "memory" }, $"{row}");
    }

    [Fact]
    public void The_network_is_trained_for_the_objective_continued_and_sampled()
    {
        using var folder = new TemporaryFolder();
        ComputeDevice cpu = TestDevices.Get("cpu");
        Train(folder.File("whole"), Registration.Objective, steps: 6);
        Train(folder.File("parts"), Registration.Objective, steps: 3);
        Train(folder.File("parts"), Registration.Objective, steps: 6);
        string file = Path.Combine(folder.File("whole"), "model.safetensors");
        Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(folder.File("parts"), "model.safetensors")));
        Assert.All(MetricsLog.Read(Path.Combine(folder.File("whole"), "metrics.csv")), row => Assert.InRange(row.Means["time"], 0, Math.PI / 2));
        using TrigFlowModel model = TrigFlowModel.Load(file, cpu);
        Assert.IsType<Convnet>(model.Network);
        ByteImages samples = ModelSampling.Draw(model, count: 2, steps: 2, seed: 0);
        Assert.Equal((2, 8, 3), (samples.Count, samples.Height, samples.Channels));
    }

    /// <summary>Consistency training needs the network's tangent, and so the op's.</summary>
    [Fact]
    public void The_network_is_trained_for_an_objective_of_the_project()
    {
        using var folder = new TemporaryFolder();
        Train(folder.Path, "sct", steps: 3);
        Assert.All(MetricsLog.Read(folder.File("metrics.csv")), row => Assert.True(double.IsFinite(row.Loss) && row.Means["tangent_norm"] > 0));
    }

    /// <summary>As a program's own Main does, after it has registered what it adds.</summary>
    [Fact]
    public void The_command_line_trains_the_preset_for_the_objective()
    {
        using var folder = new TemporaryFolder();
        string[] command =
        [
            "train", "--preset", Registration.Preset, "--objective", Registration.Objective, "--data", ImageDataset.Synthetic, "--out", folder.Path,
            "--images", "8", "--batch", "4", "--device", "cpu",
        ];
        Assert.Equal(0, TrigFlowNative.Training.Cli.CommandLine.Run(command));
        using TrigFlowModel model = TrigFlowModel.Load(folder.File("model.safetensors"), TestDevices.Get("cpu"));
        Assert.Equal(ModelPresets.Get(Registration.Preset), model.Network.Config);
    }

    [Fact]
    public void A_name_is_registered_once()
    {
        Assert.Contains("'convnet'", Assert.Throws<ArgumentException>(() => ModelPresets.Add(Registration.Preset, ModelPresets.Get("demo"))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(Registration.Register);
        Assert.IsType<ConvnetConfig>(ModelPresets.Get(Registration.Preset));
    }

    [Fact]
    public void The_metric_is_found_by_name()
    {
        var dark = new ByteImages(new byte[2 * 2 * 3], 1, 2, 2, 3);
        var light = new ByteImages(Enumerable.Repeat((byte)9, 2 * 2 * 3).ToArray(), 1, 2, 2, 3);
        Assert.Equal(new MetricValue("largest", 9), MetricRegistry.Find(Registration.Metric).Measure(dark, light)[0]);
    }

    [Fact]
    public void No_assembly_opens_its_internals_to_the_extension()
    {
        string name = typeof(Softsign).Assembly.GetName().Name!;
        Type[] floors = [typeof(Tensor), typeof(Ops), typeof(INetwork), typeof(Objective), typeof(KernelCase)];
        Assert.All(floors, floor => Assert.DoesNotContain(
            floor.Assembly.GetCustomAttributes<InternalsVisibleToAttribute>(), friend => friend.AssemblyName.StartsWith(name, StringComparison.Ordinal)));
    }

    private static void Train(string folder, string objective, int steps)
    {
        TrainingOutcome outcome = Trainer.Run(
            new RunConfig
            {
                Preset = "own",
                Data = ImageDataset.Synthetic,
                Images = steps * Batch,
                LogEvery = 1,
                Network = new ConvnetConfig { Resolution = 8, ImageChannels = 3, Width = 8 },
                Training = new TrainingOptions { Batch = Batch, Objective = ObjectiveRegistry.Defaults(objective), Optimizer = new OptimizerOptions { LearningRate = new() { Peak = 1e-3f } } },
            },
            folder, TestDevices.Get("cpu"));
        Assert.True(outcome.Complete);
    }
}

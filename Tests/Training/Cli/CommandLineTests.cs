using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Runs;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>The executable as a person uses it: help, bad input in one line with exit code 2, a short path through train, sample, evaluate.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("trigflow-cli-").FullName;

    public static TheoryData<string, string> BadCommands => new()
    {
        { "sample --checkpoint {0}/none.safetensors --out {0}/o", "none.safetensors" },
        { "sample --checkpoint {0}/garbage --out {0}/o", "garbage" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --count 0", "--count" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --labels 3", "--labels" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --guidance 2", "--guidance" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --guidance NaN", "--guidance" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --set img_resolution=4", "synthetic" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --set img_channels=2", "synthetic" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --device warp", "warp" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --device cpu --precision bf16", "bf16 needs a GPU" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --device cpu --precision 2", "--precision 2" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --device cpu --tensor-cores portable", "--tensor-cores" },
        { "sample --checkpoint {0}/model.safetensors --out {0}/o --device simulator --tensor-cores mma", "Mma" },
        { "evaluate --checkpoint {0}/model.safetensors --data synthetic --device cpu --precision bf16", "bf16 needs a GPU" },
        { "evaluate --checkpoint {0}/model.safetensors --data {0}/garbage", "garbage" },
        { "evaluate --checkpoint {0}/model.safetensors --data synthetic --device cpu --count 1 --guidance 2", "--guidance" },
        { "evaluate --checkpoint {0}/model.safetensors --data synthetic --metric psnr", "psnr" },
        { "verify {0}/garbage --device cpu", "garbage" },
        { "verify {0}/model.safetensors --device cpu", "model.safetensors" },
        { "verify {0}/model.safetensors --device cpu --precision bf16", "needs a GPU" },
        { "train --objective trigflow --data {0}/none --preset demo --out {0}/r --device cpu", "none" },
        { "train --objective trigflow --data {0}/garbage --preset demo --out {0}/r --device cpu", "garbage" },
        { "train --objective scd --data synthetic --preset demo --out {0}/r --device cpu", "--teacher" },
        { "train --objective scd --data synthetic --preset demo --out {0}/r --device cpu --teacher {0}/garbage", "garbage" },
        { "train --objective sct --data synthetic --preset demo --out {0}/r --device cpu --init {0}/garbage", "garbage" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --set nothing=1", "nothing" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --set beta1=2", "beta" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --precision bf16", "bf16 needs a GPU" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --set precision=fp8", "precision" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --set loss=l3", "the value of 'loss' does not fit: expected squared or huber or absolute" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --set batch=2000000", "a smaller --batch" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r/in/it --device cpu --teacher {0}/model.safetensors", "takes no teacher" },
        { "train --objective sct --data synthetic --preset demo --out {0}/r --device cpu --init {0}/model.safetensors --set model_channels=12", "is of another network: its model_channels is 8, not 12" },
        { "train --objective trigflow --data synthetic --preset none --out {0}/r", "none" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/r --device cpu --set label_dim=3", "label_dim" },
        { "train --objective trigflow --data synthetic --preset demo --out {0}/garbage --device cpu", "garbage" },
    };

    [Theory]
    [MemberData(nameof(BadCommands))]
    public void Bad_input_ends_with_code_2_and_says_what_is_wrong(string command, string named)
    {
        MakeModel();
        File.WriteAllText(Path.Combine(folder, "garbage"), "this is no such file");
        string[] before = Listing();
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(command.Replace("{0}", folder, StringComparison.Ordinal).Split(' '));
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Contains(named, outcome.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(before, Listing());
        Assert.Equal("this is no such file", File.ReadAllText(Path.Combine(folder, "garbage")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("train")]
    [InlineData("sample")]
    [InlineData("evaluate")]
    [InlineData("reference")]
    [InlineData("verify")]
    [InlineData("doctor")]
    [InlineData("demo")]
    [InlineData("reconstruct")]
    [InlineData("decode")]
    [InlineData("prepare")]
    public void Every_verb_has_help(string verb)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run([.. verb.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.True(outcome.ExitCode == 0 && outcome.Output.Contains("Usage:", StringComparison.Ordinal), outcome.ToString());
    }

    /// <summary>Help lists the words that an option takes once each, and those of --preset in its description alone, which keeps the lines short.</summary>
    [Theory]
    [InlineData("train")]
    [InlineData("sample")]
    public void Help_lists_words_once(string verb)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(verb, "--help");
        Assert.Contains("--precision <auto|bf16|fp32> ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("--tensor-cores <auto|mma|portable|wgmma> ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("--preset <preset> ", outcome.Output, StringComparison.Ordinal);
    }

    /// <summary>The command line prints the message in a line, and its exit code is 2.</summary>
    [Fact]
    public void A_metric_that_refuses_the_images_is_a_wrong_request()
    {
        var images = new ByteImages(new byte[3], 1, 1, 1, 3);
        UsageException refused = Assert.Throws<UsageException>(() => EvaluateCommand.Measure("many", new NeedsMany(), images, images));
        Assert.Equal("--metrics many: 1 image is too few", refused.Message);
    }

    [Fact]
    public void A_dry_run_prints_the_configuration_and_makes_nothing()
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(
            "train", "--objective", "sct", "--data", "synthetic", "--preset", "cifar10", "--out", Path.Combine(folder, "r"), "--set", "dropout=0.3", "--precision", "bf16", "--dry-run");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Contains("\"precision\": \"bf16\"", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("\"dropout\": 0.3", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("\"model_channels\": 128", outcome.Output, StringComparison.Ordinal);
        Assert.Empty(Listing());
    }

    /// <summary>The settings are printed all the same: they can be looked at before there is a teacher.</summary>
    [Fact]
    public void A_dry_run_without_a_teacher_prints_the_settings_and_says_what_is_missing()
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run("train", "--objective", "scd", "--data", "synthetic", "--preset", "demo", "--dry-run");
        Assert.True(outcome.ExitCode == 2 && outcome.Output.Contains("\"tangent_warm_up\"", StringComparison.Ordinal), outcome.ToString());
        Assert.Equal("trigflow: --objective scd needs --teacher FILE", outcome.Errors.Trim());
        Assert.Equal("trigflow: precision: bf16 needs a GPU", TrigflowProcess.Run("train", "--objective", "sct", "--data", "synthetic", "--preset", "demo", "--device", "cpu", "--precision", "bf16", "--dry-run").Errors.Trim());
    }

    [Theory]
    [InlineData("--objective scd --preset demo", "--objective scd needs --teacher FILE")]
    [InlineData("--objective trigflow --preset demo --teacher {0}/model.safetensors", "the objective trigflow takes no teacher")]
    [InlineData("--objective trigflow --preset demo --guide {0}/model.safetensors", "the objective trigflow takes no guide")]
    [InlineData("--objective scd --preset demo --teacher {0}/model.safetensors --guide {0}/model.safetensors", "takes no guide unless max_guidance is above 1")]
    [InlineData("--objective scd --preset demo --teacher {0}/model.safetensors --set max_guidance=2", "guidance needs a network with classes")]
    [InlineData("--objective scd --preset demo --teacher {0}/student.safetensors", "the teacher is a consistency model")]
    [InlineData("--objective scd --preset demo --teacher {0}/model.safetensors --init {0}/other.safetensors", "the teacher is of images 8x8x3 with no classes, but the student of images 8x8x1 with no classes")]
    [InlineData("--objective sct --preset demo --init {0}/model.safetensors --set model_channels=12", "is of another network: its model_channels is 8, not 12")]
    [InlineData("--objective trigflow --preset demo --set label_dim=3", "the network has 3 classes (label_dim), but synthetic has 5")]
    [InlineData("--data {0}/none --objective trigflow --preset demo", "none")]
    [InlineData("--objective trigflow --preset demo --out {0}/run --set flip=true", "flip is false, not true")]
    [InlineData("--objective trigflow --preset demo --out {0}/student.safetensors", "student.safetensors: is a file")]
    public void A_dry_run_refuses_what_a_run_would(string options, string reason)
    {
        MakeModel();
        MakeModel("student.safetensors", kind: ModelKind.Consistency);
        MakeModel("other.safetensors", channels: 1);
        var resolver = new TrainOptions();
        var command = new System.CommandLine.Command("train");
        foreach (System.CommandLine.Option option in resolver.All)
            command.Add(option);
        (RunConfig config, string? run) = resolver.Resolve(command.Parse([.. options.Contains("--data", StringComparison.Ordinal) ? (string[])[] : ["--data", "synthetic"], .. options.Replace("{0}", folder, StringComparison.Ordinal).Split(' '), "--batch", "2", "--images", "2"]));
        if (run is not null && !File.Exists(run))
            Trainer.Run(config with { Flip = false }, run, TestDevices.Get("cpu"));
        string[] before = Listing();
        Exception refused = Assert.ThrowsAny<Exception>(() => TrainCommand.Check(config, run));
        Assert.True(refused is UsageException or InvalidFileException or IOException, refused.ToString());
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, Listing());
    }

    /// <summary>Continuing a run, or a new one in a folder that is there: no lock and no folder is left.</summary>
    [Fact]
    public void A_dry_run_of_what_would_run_makes_nothing()
    {
        RunConfig config = TrainOptions.Defaults("trigflow", "demo", "synthetic", null, null) with { Images = 32 };
        string run = Path.Combine(folder, "run");
        TrainCommand.Check(config, run);
        Assert.Empty(Listing());
        Trainer.Run(config, run, TestDevices.Get("cpu"));
        string[] before = Listing();
        TrainCommand.Check(config with { Images = 64 }, run);
        Assert.Equal(before, Listing());
        using RunDirectory held = RunDirectory.Open(run);
        Assert.Contains("another process is training", Assert.Throws<IOException>(() => TrainCommand.Check(config, run)).Message, StringComparison.Ordinal);
    }

    /// <summary>The preset's settings with the file's network: a teacher's classes are no surprise, its size may be.</summary>
    [Fact]
    public void A_network_that_is_not_the_presets_is_named()
    {
        MakeModel();
        string[] train = ["train", "--objective", "scd", "--data", "synthetic", "--preset", "demo", "--teacher", Path.Combine(folder, "model.safetensors"), "--dry-run"];
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(train);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        string line = Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("model.safetensors, since training starts from it, and not that of --preset demo: img_resolution is 8, not 16; model_channels is 8, not ", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_names_the_devices_and_the_reason_where_there_is_no_gpu()
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run("doctor");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Contains("cpu", outcome.Output, StringComparison.Ordinal);
        Assert.Contains(CudaLibrary.WhyUnavailable() is null ? "sm_" : "no CUDA device", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_is_sampled_into_a_grid_and_an_archive_and_the_same_seed_gives_the_same_bytes()
    {
        MakeModel();
        string first = Path.Combine(folder, "a"), second = Path.Combine(folder, "b");
        foreach (string output in new[] { first, second })
        {
            TrigflowProcess.Outcome outcome = TrigflowProcess.Run(
                "sample", "--checkpoint", Path.Combine(folder, "model.safetensors"), "--count", "5", "--steps", "3", "--seed", "9", "--out", output, "--device", "cpu");
            Assert.True(outcome.ExitCode == 0, outcome.ToString());
        }

        Assert.Equal(File.ReadAllBytes(Path.Combine(first, "samples.npz")), File.ReadAllBytes(Path.Combine(second, "samples.npz")));
        ByteImages images = Npz.Read(Path.Combine(first, "samples.npz"));
        Assert.Equal((5, 8, 8, 3), (images.Count, images.Height, images.Width, images.Channels));
        Assert.True(new FileInfo(Path.Combine(first, "grid.png")).Length > 0);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private void MakeModel(string name = "model.safetensors", ModelKind kind = ModelKind.Diffusion, int channels = 3)
    {
        using var device = new CpuDevice();
        INetwork network = ((DdpmppConfig)ModelPresets.Get("demo") with { ImageChannels = channels, Resolution = 8, ModelChannels = 8, ChannelMult = [1, 2], AttentionResolutions = [4] }).Build();
        using ParameterSlab weights = network.CreateSlab(device);
        network.Initialise(weights, 1);
        new TrigFlowModel(network, weights, 0.5f, kind).Save(Path.Combine(folder, name));
    }

    private sealed class NeedsMany : IMetric
    {
        public IReadOnlyList<MetricValue> Measure(ByteImages reference, ByteImages images) => throw new ArgumentException($"{images.Count} image is too few");
    }

    private string[] Listing() => [.. Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
}

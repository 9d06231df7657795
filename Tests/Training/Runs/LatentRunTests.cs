using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>A run on latents: what its files say of them, and what of them must agree.</summary>
public sealed class LatentRunTests : IDisposable
{
    private const int Batch = 4;
    private readonly TemporaryFolder temp = new();
    private readonly string data;

    public LatentRunTests() => data = TestLatents.Zip(temp, "latents.zip", TestLatents.Entries());

    [Theory]
    [InlineData("edm2")]
    [InlineData("scm")]
    public void The_latents_space_goes_from_the_run_to_its_files_and_its_student(string convention)
    {
        LatentSpace space = LatentConventions.Get(convention);
        Train(Config() with { LatentConvention = convention, SampleEvery = 2, SnapshotEvery = 2 }, steps: 2, run: "teacher");
        Assert.Equal((0.5f, space), (Read("teacher/model.safetensors").SigmaData, Read("teacher/model.safetensors").Latents));
        string snapshot = Directory.GetFiles(temp.File("teacher/snapshots"))[0];
        Assert.Equal(space, WeightFile.ReadDescription(snapshot).Description.Latents);
        Assert.True(File.Exists(temp.File("teacher/samples/0000000002.png")));
        RunConfig student = TrainOptions.Defaults("scd", "demo", data, temp.File("teacher/model.safetensors"), null);
        Assert.Equal(convention, student.LatentConvention);
        Train(student with { Training = student.Training with { Batch = Batch } }, steps: 2, run: "student");
        Assert.Equal((ModelKind.Consistency, space), (Read("student/model.safetensors").Kind, Read("student/model.safetensors").Latents));
        using TrigFlowModel model = TrigFlowModel.Load(temp.File("student/model.safetensors"), TestDevices.Get("cpu"));
        Assert.Equal(space, model.Latents);
    }

    [Fact]
    public void A_resumed_run_ends_with_the_bits_of_an_uninterrupted_one()
    {
        Train(Config(), steps: 5, run: "whole");
        Train(Config(), steps: 2);
        Train(Config(), steps: 5);
        Assert.Equal(File.ReadAllBytes(temp.File("whole/model.safetensors")), File.ReadAllBytes(temp.File("run/model.safetensors")));
        Assert.Contains("latent_convention", Assert.Throws<UsageException>(() => Train(Config() with { LatentConvention = "scm" }, steps: 6)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_loss_is_the_one_value_of_held_out_latents()
    {
        RunConfig config = Config() with { LogEvery = 1, EvaluateEvery = 1, EvaluateMetrics = "loss" };
        Train(config, steps: 2);
        Assert.All(MetricsLog.Read(temp.File("run/metrics.csv")), row => Assert.True(double.IsFinite(row.Means["held-out loss"])));
        Assert.Contains("but metrics compare pictures; evaluate_metrics=loss does not", Assert.Throws<UsageException>(
            () => Train(config with { EvaluateMetrics = "loss, sliced-wasserstein" }, steps: 2, run: "other")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Latents_that_do_not_agree_are_refused_in_one_line()
    {
        Train(Config() with { LatentConvention = "scm" }, steps: 1, run: "teacher");
        string teacher = temp.File("teacher/model.safetensors");
        RunConfig student = TrainOptions.Defaults("scd", "demo", data, teacher, null);
        Refused("teacher/model.safetensors is a model of latents of the convention scm, but", student with { LatentConvention = "edm2" });
        Refused("latents.zip is read as those of the convention edm2: --set latent_convention says which they are", student with { LatentConvention = "edm2" });
        Refused("model.safetensors is a model of latents of the convention scm", Config() with { Init = teacher });
        Refused("cannot be mirrored", Config() with { Flip = true });
        string pixels = temp.Write("data.bin", [.. Enumerable.Range(0, 8 * 3073).Select(i => (byte)(i % 3073 == 0 ? 0 : i * 7))]);
        Refused("it holds pixels, but the network takes latents of 4 channels", Config() with { Data = pixels });
        Refused("it holds pixels, but the network takes latents of 4 channels", Config() with { Data = ImageDataset.Synthetic });
        Assert.Contains("unknown latent convention 'sd3': expected edm2 or scm", Assert.Throws<ArgumentException>(
            () => RunConfig.FromJson("x", (Config() with { Images = 4, LatentConvention = "sd3" }).ToJson())).Message, StringComparison.Ordinal);

        void Refused(string reason, RunConfig config)
        {
            string said = Assert.Throws<UsageException>(() => Train(config, steps: 1)).Message;
            Assert.Contains(reason, said, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', said);
        }
    }

    /// <summary>A file of another program says nothing of latents: what is assumed is said.</summary>
    [Fact]
    public void Weights_that_do_not_say_their_latents_are_taken_as_the_datas()
    {
        Train(Config(), steps: 1, run: "teacher");
        using (TrigFlowModel model = TrigFlowModel.Load(temp.File("teacher/model.safetensors"), TestDevices.Get("cpu")))
            WeightFile.Save(temp.File("mute.safetensors"), model.Network, model.Weights, new WeightDescription(0.5f, ModelKind.Diffusion));
        Train(Config() with { Init = temp.File("mute.safetensors") }, steps: 1);
        Assert.Contains("mute.safetensors: taken as a model of latents of the convention edm2", File.ReadAllText(temp.File("run/run.log")), StringComparison.Ordinal);
    }

    public void Dispose() => temp.Dispose();

    private RunConfig Config()
    {
        TrainingOptions options = TrainingPresets.Get("demo", "trigflow").Options;
        return new RunConfig
        {
            Preset = "demo",
            Data = data,
            LogEvery = 2,
            CheckpointEvery = 2,
            Network = (DdpmppConfig)ModelPresets.Get("demo") with { Resolution = 8, ImageChannels = 4, ModelChannels = 8, ChannelMult = [1, 2], AttentionResolutions = [4], LabelCount = 3 },
            Training = options with { Batch = Batch, Average = options.Average with { PowerFunction = true } },
        };
    }

    private void Train(RunConfig config, int steps, string run = "run") =>
        Assert.True(Trainer.Run(config with { Images = steps * Batch }, temp.File(run), TestDevices.Get("cpu")).Complete);

    private WeightDescription Read(string file) => WeightFile.ReadDescription(temp.File(file)).Description;
}

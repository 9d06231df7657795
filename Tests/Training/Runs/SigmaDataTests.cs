using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Where a run's sigma_data comes from: its setting, its teacher, its initial weights, its data.</summary>
public sealed class SigmaDataTests : IDisposable
{
    private const int Batch = 4;
    private readonly TemporaryFolder temp = new();
    private readonly string data;

    public SigmaDataTests() => data = TestLatents.Zip(temp, "latents.zip", TestLatents.Entries());

    [Theory]
    [InlineData(null, 0.5f)]
    [InlineData(0.7f, 0.7f)]
    public void The_setting_counts_and_goes_to_the_student(float? setting, float expected)
    {
        Train(Config() with { SigmaData = setting }, "teacher");
        Assert.Equal(expected, Read("teacher"));
        RunConfig student = TrainOptions.Defaults("scd", "demo", data, Model("teacher"), null);
        Train(student with { Training = student.Training with { Batch = Batch } }, "student");
        Assert.Equal(expected, Read("student"));
    }

    /// <summary>The same time would mean other noise; the setting that agrees is taken.</summary>
    [Fact]
    public void A_setting_that_is_not_the_files_is_refused_in_one_line()
    {
        Train(Config() with { SigmaData = 0.7f }, "teacher");
        RunConfig student = TrainOptions.Defaults("scd", "demo", data, Model("teacher"), null);
        student = student with { Training = student.Training with { Batch = Batch } };
        Refused(student with { SigmaData = 0.5f });
        Refused(Config() with { Init = Model("teacher"), SigmaData = 0.5f });
        Train(student with { SigmaData = 0.7f }, "student");
        Assert.Equal(0.7f, Read("student"));

        void Refused(RunConfig config) =>
            Assert.Equal($"sigma_data=0.5: {Model("teacher")} was trained with 0.7; leave it out, or --set sigma_data=null", Assert.Throws<UsageException>(() => Train(config, "refused")).Message);
    }

    [Theory]
    [InlineData("imagenet64-s", 0.5f)]
    [InlineData("imagenet512-xxl", 0.5f)]
    [InlineData("cifar10-edm2", null)]
    public void Recipes_of_ImageNet_take_that_of_the_paper(string preset, float? expected) =>
        Assert.Equal(expected, TrainOptions.Defaults("trigflow", preset, "synthetic", null, null).SigmaData);

    public void Dispose() => temp.Dispose();

    private RunConfig Config() => new()
    {
        Preset = "demo",
        Data = data,
        Network = (DdpmppConfig)ModelPresets.Get("demo") with { Resolution = 8, ImageChannels = 4, ModelChannels = 8, ChannelMult = [1, 2], AttentionResolutions = [4], LabelCount = 3 },
        Training = TrainingPresets.Get("demo", "trigflow").Options with { Batch = Batch },
    };

    private void Train(RunConfig config, string run) => Assert.True(Trainer.Run(config with { Images = Batch }, temp.File(run), TestDevices.Get("cpu")).Complete);

    private string Model(string run) => temp.File($"{run}/model.safetensors");

    private float Read(string run) => WeightFile.ReadDescription(Model(run)).Description.SigmaData;
}

using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>A run is continued with the contents that it was begun with, wherever they lie; other contents under the same name are refused.</summary>
public sealed class ContentIdentityTests : IDisposable
{
    private const int Batch = 4, Side = 8;
    private readonly TemporaryFolder temp = new();

    [Theory]
    [InlineData("an image changed")]
    [InlineData("an image more")]
    [InlineData("two labels swapped")]
    public void Other_images_under_the_same_name_are_refused_and_the_run_stays(string change)
    {
        string data = Records("data.bin", seed: 1);
        Train(Config(data), steps: 2);
        byte[] records = File.ReadAllBytes(data);
        const int record = 3073;
        switch (change)
        {
            case "an image changed":
                records.AsSpan(5, 3000).Fill(7);
                break;
            case "an image more":
                records = [.. records, .. records[..record]];
                break;
            default:
                for (int i = 0; i < records.Length; i += record)
                    records[i] = (byte)(9 - records[i]);
                break;
        }

        File.WriteAllBytes(data, records);
        SortedDictionary<string, byte[]> before = temp.Contents();
        UsageException refused = Assert.Throws<UsageException>(() => Train(Config(data), steps: 4));
        Assert.Contains("data.bin", refused.Message, StringComparison.Ordinal);
        Assert.Contains("other contents", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, temp.Contents());
    }

    [Fact]
    public void Images_that_moved_are_the_same_images_and_give_the_same_bits()
    {
        string data = Records("data.bin", seed: 1);
        Train(Config(data), steps: 4, run: "whole");
        Train(Config(data), steps: 2);
        Directory.CreateDirectory(temp.File("elsewhere"));
        string moved = temp.File("elsewhere/data_batch_1.bin");
        File.Move(data, moved);
        Train(Config(Path.GetDirectoryName(moved)! + "/./") with { LogEvery = 1, CheckpointEvery = 1, SampleEvery = 0 }, steps: 4);
        Assert.Equal(Model("whole"), Model("run"));
        Assert.Contains("elsewhere", File.ReadAllText(temp.File("run/config.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Initial_weights_are_needed_once_and_others_are_refused()
    {
        string data = Records("data.bin", seed: 1), start = Weights("start.safetensors", seed: 1);
        RunConfig config = Config(data) with { Init = start };
        Train(config, steps: 4, run: "whole");
        Train(config, steps: 2);
        File.Delete(start);
        Train(config, steps: 4);
        Assert.Equal(Model("whole"), Model("run"));
        Weights("start.safetensors", seed: 2);
        Assert.Contains("start.safetensors holds other weights", Assert.Throws<UsageException>(() => Train(config, steps: 6)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_teacher_may_move_but_not_change()
    {
        string data = Records("data.bin", seed: 1), teacher = Weights("teacher.safetensors", seed: 1);
        RunConfig config = Config(data, "scd") with { Teacher = teacher };
        Train(config, steps: 2);
        File.Move(teacher, temp.File("moved.safetensors"));
        Train(config with { Teacher = temp.File("moved.safetensors") }, steps: 3);
        Weights("teacher.safetensors", seed: 2);
        Assert.Contains("teacher.safetensors holds other weights", Assert.Throws<UsageException>(() => Train(config, steps: 4)).Message, StringComparison.Ordinal);
    }

    /// <summary>States of older versions hold no identity: then the names must be those of config.json, as before.</summary>
    [Fact]
    public void A_run_of_an_older_version_goes_on_under_the_same_names_alone()
    {
        string data = Records("data.bin", seed: 1);
        Train(Config(data), steps: 2);
        string state = Directory.GetFiles(temp.File("run/checkpoints")).Max(StringComparer.Ordinal)!;
        WithoutIdentity(state);
        File.Copy(data, temp.File("copy.bin"));
        Assert.Contains("older version", Assert.Throws<UsageException>(() => Train(Config(temp.File("copy.bin")), steps: 4)).Message, StringComparison.Ordinal);
        Train(Config(data), steps: 4);
        Train(Config(data), steps: 4, run: "whole");
        Assert.Equal(Model("whole"), Model("run"));
        Assert.NotNull(Checkpoint.Inspect(Directory.GetFiles(temp.File("run/checkpoints")).Max(StringComparer.Ordinal)!).Identity);
    }

    [Fact]
    public void Images_that_are_all_alike_are_refused_by_name()
    {
        string data = temp.Write("black.bin", new byte[3073 * 4]);
        Assert.Contains("black.bin: all pixels", Assert.Throws<UsageException>(() => Train(Config(data), steps: 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_cancelled_while_the_images_are_read_ends_without_a_file_of_its_own()
    {
        TrainingOutcome outcome = Trainer.Run(Config(Records("data.bin", seed: 1)), temp.File("run"), TestDevices.Get("cpu"), new CancellationToken(canceled: true));
        Assert.Equal((0, false), (outcome.Step, outcome.Complete));
        Assert.False(Directory.Exists(temp.File("run")));
    }

    public void Dispose() => temp.Dispose();

    private static RunConfig Config(string data, string objective = "trigflow")
    {
        TrainingPreset preset = TrainingPresets.Get("demo", objective);
        return new RunConfig
        {
            Preset = "demo",
            Data = data,
            LogEvery = 2,
            CheckpointEvery = 2,
            Network = (DdpmppConfig)ModelPresets.Get("demo") with { Resolution = Side, ModelChannels = 8, ChannelMult = [1, 2], AttentionResolutions = [4] },
            Training = preset.Options with { Batch = Batch },
        };
    }

    private void Train(RunConfig config, int steps, string run = "run") =>
        Assert.True(Trainer.Run(config with { Images = steps * Batch }, temp.File(run), TestDevices.Get("cpu")).Complete);

    private byte[] Model(string run) => File.ReadAllBytes(temp.File($"{run}/model.safetensors"));

    private string Records(string name, int seed)
    {
        byte[] records = new byte[20 * 3073];
        new Random(seed).NextBytes(records);
        for (int i = 0; i < records.Length; i += 3073)
            records[i] = (byte)(i / 3073 % 10);
        return temp.Write(name, records);
    }

    private string Weights(string name, ulong seed)
    {
        INetwork network = Config("none").Network.Build();
        using ParameterSlab weights = network.CreateSlab(TestDevices.Get("cpu"));
        network.Initialise(weights, seed);
        string path = temp.File(name);
        using var model = new TrigFlowModel(network, weights, 0.5f);
        model.Save(path);
        return path;
    }

    private static void WithoutIdentity(string state)
    {
        var writer = new SafetensorsWriter();
        using (SafetensorsFile file = SafetensorsFile.Open(state))
        {
            foreach ((string key, string value) in file.Metadata.Where(each => each.Key != "identity"))
                writer.SetMetadata(key, value);
            foreach (SafetensorsEntry entry in file.Entries)
            {
                byte[] bytes = file.ReadBytes(entry.Name);
                writer.Add(entry.Name, entry.Type, entry.Shape.AsSpan(), stream => stream.Write(bytes));
            }
        }

        writer.Save(state);
    }
}

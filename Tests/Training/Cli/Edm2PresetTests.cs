using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>The preset of the small EDM2 network through all its objectives, shrunken to a network that a processor trains in seconds.</summary>
public sealed class Edm2PresetTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void A_teacher_is_trained_reconstructed_distilled_and_sampled()
    {
        Train("teacher", "trigflow", null, "img_resolution=16", "attn_resolutions=[8]", "model_channels=16", "channel_mult=[1,1]", "num_blocks=1", "channels_per_head=8", "label_dim=5");
        Run("reconstruct", "--run", temp.File("teacher"), "--width", "0.075", "--out", temp.File("teacher.safetensors"));
        foreach (string objective in new[] { "sct", "scd" })
        {
            Train(objective, objective, temp.File("teacher.safetensors"), "tangent_warm_up=2");
            string model = temp.File($"{objective}/model.safetensors");
            (NetworkConfig network, WeightDescription description) = WeightFile.ReadDescription(model);
            Assert.Equal(("edm2", 5, ModelKind.Consistency), (network.Architecture, network.LabelCount, description.Kind));
            Assert.Equal(objective == "scd" ? ["guidance"] : [], network.Conditions);
            Run(["sample", "--checkpoint", model, "--count", "5", "--out", temp.File($"{objective}-samples"), "--device", "cpu", .. objective == "scd" ? (string[])["--guidance", "1.5"] : []]);
            Assert.Equal(6, Directory.GetFiles(temp.File($"{objective}/snapshots")).Length);
            Assert.Contains("zeroed_elements", File.ReadLines(temp.File($"{objective}/metrics.csv")).First(), StringComparison.Ordinal);
        }
    }

    public void Dispose() => temp.Dispose();

    private void Train(string run, string objective, string? teacher, params string[] settings) => Run(
    [
        "train", "--objective", objective, "--data", "synthetic", "--preset", "cifar10-edm2", "--out", temp.File(run), "--device", "cpu", "--batch", "8", "--images", "96",
        .. objective == "scd" ? (string[])["--teacher", teacher!] : teacher is not null ? ["--init", teacher] : [],
        "--set", "snapshot_images=32", "warm_up_images=16", .. settings,
    ]);

    private static void Run(params string[] arguments)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
    }
}

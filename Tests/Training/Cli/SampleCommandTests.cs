using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>What sample, evaluate and verify refuse before any work, and what they do with classes, parts and images that are not finite.</summary>
public sealed class SampleCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("trigflow-sample-").FullName;

    public static TheoryData<string, string> BadCommands => new()
    {
        { "sample --checkpoint _ --out {0}/o", "--checkpoint: the path is empty" },
        { "sample --checkpoint {0}/model --out _", "--out: the path is empty" },
        { "evaluate --checkpoint _ --data synthetic", "--checkpoint: the path is empty" },
        { "evaluate --checkpoint {0}/model --data _", "--data: the path is empty" },
        { "verify _", "fixture: the path is empty" },
        { "sample --checkpoint {0}/model --out {0}/o --count 1M1", "--count 1M1: expected a whole number such as 64, 1k or 2M" },
        { "sample --checkpoint {0}/model --out {0}/o --count 1.1M", "--count 1.1M: expected a whole number from 1 to 1000000" },
        { "evaluate --checkpoint {0}/model --data synthetic --count -4", "--count -4: expected a whole number from 1 to 1000000" },
        { "sample --checkpoint {0}/model --out {0}/o --steps 0", "--steps 0: expected a whole number from 1 to 1000" },
        { "evaluate --checkpoint {0}/model --data synthetic --steps 1,5", "--steps 1,5: expected a whole number" },
        { "sample --checkpoint {0}/student --out {0}/o --steps 1000", "--steps 1000: expected 1 to 64 for a consistency model" },
        { "sample --checkpoint {0}/model --out {0}/o --seed -1", "--seed -1: expected a whole number from 0 to 18446744073709551615" },
        { "evaluate --checkpoint {0}/model --data synthetic --seed x", "--seeds x: expected a whole number" },
        { "evaluate --checkpoint {0}/model --data synthetic --guidance Infinity", "--guidance Infinity: expected a finite number" },
        { "sample --checkpoint {0}/model --out {0}/o --guidance 1e39", "--guidance 1e39: expected a finite number" },
        { "sample --checkpoint {0}/model --out {0}/o --labels 5", "--labels: '5' is not one of the model's classes: expected a number from 0 to 4, -1 for none, or a name such as ant, bee, cat,wild, 3, owl" },
        { "sample --checkpoint {0}/model --out {0}/o --labels ant,wolf", "'wolf' is not one of the model's classes" },
        { "sample --checkpoint {0}/model --out {0}/o --labels ,", "'' is not one of the model's classes" },
        { "sample --checkpoint {0}/student --out {0}/o --labels 0", "--labels: the model was trained without classes" },
        { "sample --checkpoint {0}/model --out {0}/model", "is a file, expected a folder" },
        { "sample --checkpoint {0}/model --out {0}/model/deep", "cannot be written to" },
        { "sample --checkpoint {0}/model --out {0}/taken", "samples.npz in it is a folder" },
        { "sample --checkpoint {0}/model --out {0}/o --preset mnist", "--preset mnist: {0}/model is of another network" },
        { "sample --checkpoint {0}/model --out {0}/o --preset none", "--preset none: expected one of cifar10, mnist, demo" },
        { "evaluate --checkpoint {0}/model --data synthetic --metric fid", "--metrics fid: expected one of density-coverage, fd, fd-infinity, inception-score, kid, kid-all, precision-recall, sfid, sliced-wasserstein" },
        { "verify {0}/model --precision fp16", "--precision fp16: expected one of fp32, bf16" },
        { "sample --checkpoint {0}/two --out {0}/o", "the model draws images of 2 channels, but pictures have 1 or 3" },
        { "sample --checkpoint {0}/vast --out {0}/o --count 16", "a single image of 4096x4096" },
        { "evaluate --checkpoint {0}/model --data {0}/few", "1 image is held out of it, too few for a comparison" },
    };

    [Theory]
    [MemberData(nameof(BadCommands))]
    public void Bad_input_is_one_line_and_nothing_is_left(string command, string message)
    {
        MakeModels();
        string[] before = Listing();
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(
            [.. command.Split(' ').Select(word => word == "_" ? "" : word.Replace("{0}", folder, StringComparison.Ordinal)), "--device", "cpu"]);
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        string line = Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries), text => !text.StartsWith("device:", StringComparison.Ordinal));
        Assert.Contains(message.Replace("{0}", folder, StringComparison.Ordinal), line, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", line, StringComparison.Ordinal);
        Assert.Equal(before, Listing());
    }

    [Fact]
    public void Classes_go_by_number_and_by_name()
    {
        MakeModels();
        byte[] expected = Sample("--labels", "0", "4", "2");
        Assert.Equal(expected, Sample("--labels", "0,4,2"));
        Assert.Equal(expected, Sample("--labels", "ant,owl", "cat,wild"));
        Assert.NotEqual(expected, Sample("--labels", "0,4,3"));
        Assert.Equal(Sample("--labels", "3"), Sample("--labels", "3,3")); // the number, though class 3 is called so too
        Assert.Equal(Sample(), Sample("--labels", "ant", "bee", "2", "3", "owl"));
    }

    /// <summary>An image does not depend on the part that it is drawn in, and an archive of parts is that of the whole.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3 * 192)]
    [InlineData(5 * 192)]
    [InlineData(1 << 20)]
    public void Parts_make_the_whole(int pixelsAtATime)
    {
        MakeModels();
        using var device = new CpuDevice();
        using TrigFlowModel model = ModelSampling.Load(File("model"), device, Precision.Fp32);
        ByteImages whole = ModelSampling.Draw(model, 11, 3, seed: 5);
        using ImageSampler sampler = ModelSampling.Create(model, 3, 1, count: 2);
        var parts = ModelSampling.DrawParts(sampler, 11, 5, LabelWords.Resolve(model, 11, null), pixelsAtATime).ToList();
        Assert.Equal(pixelsAtATime == 1 << 20 ? 1 : pixelsAtATime == 1 ? 11 : pixelsAtATime < 4 * 192 ? 6 : 3, parts.Count);
        Assert.Equal(whole.Pixels.ToArray(), parts.SelectMany(part => part.Images.Pixels.ToArray()));
        Npz.Write(File("parts.npz"), 11, 8, 8, 3, parts.Select(part => part.Images));
        Npz.Write(File("whole.npz"), whole);
        Assert.Equal(System.IO.File.ReadAllBytes(File("whole.npz")), System.IO.File.ReadAllBytes(File("parts.npz")));
        Assert.Throws<ArgumentException>(() => Npz.Write(File("short.npz"), 12, 8, 8, 3, parts.Select(part => part.Images)));
        Assert.Throws<ArgumentException>(() => Npz.Write(File("other.npz"), 11, 8, 6, 4, parts.Select(part => part.Images)));
        Assert.False(System.IO.File.Exists(File("short.npz")) || System.IO.File.Exists(File("other.npz")));
    }

    [Fact]
    public void Images_that_are_not_finite_are_said_and_not_compared()
    {
        MakeModels();
        string[] wild = ["--checkpoint", File("model"), "--device", "cpu", "--count", "5", "--steps", "3", "--guidance", "1e30"];
        TrigflowProcess.Outcome drawn = TrigflowProcess.Run(["sample", "--out", File("o"), .. wild]), compared = TrigflowProcess.Run(["evaluate", "--data", "synthetic", .. wild]);
        Assert.True(drawn.ExitCode == 1, drawn.ToString());
        Assert.Contains("of 5 images", drawn.Errors, StringComparison.Ordinal);
        Assert.Contains("not finite (NaN or infinity)", drawn.Errors, StringComparison.Ordinal);
        Assert.Equal(5, Npz.Read(Path.Combine(File("o"), "samples.npz")).Count);
        Assert.True(compared.ExitCode == 2, compared.ToString());
        Assert.Contains("nothing can be compared with them", compared.Errors, StringComparison.Ordinal);
        Assert.Empty(compared.Output);
    }

    [Fact]
    public void A_reference_has_at_least_32_images()
    {
        Assert.Contains("31 images are held out", Assert.Throws<UsageException>(() => EvaluateCommand.RequireReference("d", 31)).Message, StringComparison.Ordinal);
        EvaluateCommand.RequireReference("d", 32);
    }

    [Fact]
    public void A_folder_is_tried_for_access_and_space()
    {
        OutputFolder.Require("--out", File("new/deep"), 1);
        Assert.Empty(Directory.EnumerateFileSystemEntries(File("new/deep")));
        Assert.Contains("but the disk has", Assert.Throws<UsageException>(() => OutputFolder.Require("--out", folder, 1L << 60)).Message, StringComparison.Ordinal);
    }

    /// <summary>As shells count it: 128 and the signal's number, so that a shell does not run what follows on success.</summary>
    [Fact]
    public void A_draw_that_is_stopped_says_so_by_its_exit_code_and_leaves_no_part_of_a_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no signals");
        MakeModels();
        string output = Path.Combine(folder, "o");
        using var process = TrigflowProcess.Start("sample", "--checkpoint", Path.Combine(folder, "model"), "--count", "1M", "--steps", "4", "--out", output, "--device", "cpu");
        Assert.True(process.WaitFor(() => System.IO.File.Exists(Path.Combine(output, "samples.npz.tmp"))));
        process.Signal(15);
        TrigflowProcess.Outcome outcome = process.Wait();
        Assert.True(outcome.ExitCode == 143, outcome.ToString());
        Assert.Contains("sample: stopped", outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(output));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private byte[] Sample(params string[] further)
    {
        string output = File($"sample{Directory.GetDirectories(folder).Length}");
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(
            ["sample", "--checkpoint", File("model"), "--count", "5", "--steps", "2", "--out", output, "--device", "cpu", .. further]);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        return Npz.Read(Path.Combine(output, "samples.npz")).Pixels.ToArray();
    }

    private void MakeModels()
    {
        var small = (DdpmppConfig)ModelPresets.Get("demo") with { Resolution = 8, ModelChannels = 8, ChannelMult = [1], AttentionResolutions = [] };
        Save("model", small with { LabelCount = 5 }, ModelKind.Diffusion, "ant", "bee", "cat,wild", "3", "owl");
        Save("student", small, ModelKind.Consistency);
        Save("two", small with { ImageChannels = 2 }, ModelKind.Consistency);
        Save("vast", small with { Resolution = 4096, ModelChannels = 128 }, ModelKind.Diffusion);
        Directory.CreateDirectory(File("taken/samples.npz"));
        Directory.CreateDirectory(File("few"));
        for (int i = 0; i < 3; i++)
            ImageGrid.Write(File($"few/{i}.png"), new ByteImages(new byte[192], 1, 8, 8, 3));
    }

    private void Save(string name, DdpmppConfig config, ModelKind kind, params string[] names)
    {
        using var device = new CpuDevice();
        INetwork network = config.Build();
        using ParameterSlab weights = network.CreateSlab(device);
        var random = new Random(1); // none near zero, so that every class draws its own images
        foreach (Parameter parameter in weights.Parameters)
            parameter.Value.Upload<float>([.. Enumerable.Range(0, parameter.Value.Count).Select(_ => (float)(random.NextDouble() - 0.5) / 4)]);
        new TrigFlowModel(network, weights, 0.5f, kind) { ClassNames = [.. names] }.Save(File(name));
    }

    private string File(string name) => Path.Combine(folder, name);

    private string[] Listing() => [.. Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
}

using System.IO.Compression;
using System.Text.Json;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using Xunit;
using Trigflow = TrigFlowNative.Training.Cli.CommandLine;

namespace TrigFlowNative.Tests.Training;

/// <summary>reference and evaluate, from files to reports.</summary>
public sealed class EvaluateCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string, string> BadRequests => new()
    {
        { "evaluate --reference r", "expected either --checkpoint, whose samples are judged, or --images" },
        { "evaluate --images i --checkpoint c --reference r", "expected either --checkpoint" },
        { "evaluate --images i", "expected either --reference, or --data" },
        { "evaluate --images i --reference r --data d", "expected either --reference, or --data" },
        { "evaluate --images i --reference r --steps 1 2", "--steps, --guidance, --guide and --preset belong to --checkpoint" },
        { "evaluate --images i --reference r --seeds 1 2", "--seeds: images are there once" },
        { "evaluate --images i --reference r --seeds 4294967296", "--seeds 4294967296: the seed of a subset is at most 4294967295" },
        { "evaluate --checkpoint c --reference r --seeds 1 2 1", "--seeds 1: is given 2 times" },
        { "evaluate --checkpoint c --reference r --steps 2 2", "--steps 2: is given 2 times" },
        { "evaluate --images i --reference r --metrics fd", "--metrics fd: takes --features, one of" },
        { "evaluate --images i --reference r --features pixels --metrics sliced-wasserstein", "--features pixels: no metric of --metrics takes features" },
    };

    [Theory]
    [MemberData(nameof(BadRequests))]
    public void Contradictions_are_refused_before_anything_is_opened(string command, string message)
    {
        var refused = Assert.Throws<UsageException>(() => Trigflow.Parse(command.Split(' ')).Invoke(new() { EnableDefaultExceptionHandler = false }));
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Two sets in one archive each, judged against each other's moments and images: both ways give the same Fréchet distance, to the files.</summary>
    [Fact]
    public void A_reference_made_here_gives_the_distance_of_its_images()
    {
        Noise("real.npz", 200, 1);
        Noise("fake.npz", 150, 2);
        TrigflowProcess.Outcome made = TrigflowProcess.Run("reference", folder.File("real.npz"), folder.File("ref.npz"), "--features", "pixels", "--device", "cpu");
        Assert.True(made.ExitCode == 0, made.ToString());
        Assert.Contains("200 images of", made.Output, StringComparison.Ordinal);
        TrigflowProcess.Outcome again = TrigflowProcess.Run("reference", folder.File("real.npz"), folder.File("ref.npz"), "--features", "pixels", "--device", "cpu");
        Assert.True(again.ExitCode == 2 && again.Errors.Contains("is there already", StringComparison.Ordinal), again.ToString());

        Judge("fake.npz", "ref.npz", "moments");
        Judge("fake.npz", "real.npz", "images");
        JsonElement moments = Report("moments"), images = Report("images");
        Assert.Equal(["fd-pixels"], Metrics(moments));
        Assert.Equal(["fd-pixels", "kid-pixels", "precision-pixels", "recall-pixels", "density-pixels", "coverage-pixels"], Metrics(images));
        double expected = FrechetDistance.Between(Pixels("fake.npz"), Moments.Of(Pixels("real.npz"))).Distance;
        Assert.Equal(1, Values(moments)[0] / expected, 1e-9);
        Assert.Equal(1, Values(images)[0] / expected, 1e-9);
        Assert.Equal((150, 200), (moments.GetProperty("images").GetInt32(), moments.GetProperty("reference_images").GetInt32()));
        Assert.Contains(moments.GetProperty("remarks").EnumerateArray(), remark => remark.GetString()!.Contains("50,000", StringComparison.Ordinal));
        string[] lines = File.ReadAllLines(folder.File("images/evaluation.csv"));
        Assert.Equal(7, lines.Length);
        Assert.StartsWith("images,,,fd-pixels,", lines[1], StringComparison.Ordinal);
    }

    /// <summary>An archive as of ADM: the images in it are others than those that its moments are of.</summary>
    [Fact]
    public void An_archive_of_moments_and_images_serves_each_metric_with_its_own()
    {
        Noise("fake.npz", 150, 2);
        Noise("few.npz", 60, 3);
        Noise("real.npz", 200, 1);
        MomentsFile.Write(folder.File("adm.npz"), Moments.Of(Pixels("real.npz")), null, "pixels");
        using (ZipArchive archive = ZipFile.Open(folder.File("adm.npz"), ZipArchiveMode.Update))
        using (Stream images = archive.CreateEntry("arr_0.npy", CompressionLevel.NoCompression).Open())
            images.Write(MomentsFileTests.Npy("|u1", "60, 8, 8, 3", Npz.Read(folder.File("few.npz")).Pixels.ToArray()));

        Judge("fake.npz", "adm.npz", "both");
        Judge("fake.npz", "few.npz", "images");
        JsonElement both = Report("both");
        Assert.Equal(1, Values(both)[0] / FrechetDistance.Between(Pixels("fake.npz"), Moments.Of(Pixels("real.npz"))).Distance, 1e-9);
        Assert.Equal(Values(Report("images"))[1..], Values(both)[1..]);
        Assert.Equal((200, 60), (both.GetProperty("reference_images").GetInt32(), both.GetProperty("reference_samples").GetInt32()));
    }

    /// <summary>A random subset says so, in words and in its row; a report says how it was made, and is not overwritten.</summary>
    [Fact]
    public void A_report_says_how_it_was_made_and_stays()
    {
        Noise("fake.npz", 170, 2);
        Noise("real.npz", 150, 1);
        Judge("fake.npz", "real.npz", "o");
        JsonElement report = Report("o"), row = report.GetProperty("rows")[1];
        Assert.Contains("fake.npz, 150 of 170 by seed 0", report.GetProperty("judged").GetString(), StringComparison.Ordinal);
        Assert.Equal((0, "all images"), (row.GetProperty("seed").GetInt32(), row.GetProperty("note").GetString()));
        string[] lines = File.ReadAllLines(folder.File("o/evaluation.csv"));
        Assert.EndsWith("features,note,reference_samples,judged,guidance,guide,precision,weights,remarks", lines[0], StringComparison.Ordinal);
        Assert.Contains("fake.npz, 150 of 170 by seed 0\"", lines[2], StringComparison.Ordinal);
        Assert.Contains("no other program reports distances between pixels; ", lines[2], StringComparison.Ordinal);
        File.Delete(folder.File("o/evaluation.json"));
        var again = new EvaluationRequest { Images = "i", Reference = "r", Output = folder.File("o") };
        Assert.Contains("evaluation.csv is there already", Assert.Throws<UsageException>(again.Check).Message, StringComparison.Ordinal);
        Assert.Equal(lines, File.ReadAllLines(folder.File("o/evaluation.csv")));
    }

    /// <summary>Networks of features resize both sides; and moments that do not say by which input they were made are remarked, those of another input refused.</summary>
    [Fact]
    public void Networks_resize_images_of_any_size_and_their_moments_say_how()
    {
        const string Narrow = "resnet18-cntk-narrow-64";
        using var device = new CpuDevice();
        string weights = ResnetNetworkTests.Weights.Save(folder.File("resnet.safetensors"));
        Noise("a.npz", 6, 1);
        byte[] pixels = new byte[6 * 108];
        new Random(2).NextBytes(pixels);
        Npz.Write(folder.File("b.npz"), new ByteImages(pixels, 6, 6, 6, 3));
        var request = new EvaluationRequest { Images = folder.File("a.npz"), Reference = folder.File("b.npz"), Count = 6, Features = "resnet18-cntk", Weights = weights, Metrics = ["fd"], Output = folder.File("o") };
        request.Check();
        Assert.Equal(0, EvaluationRun.Run(request, device));
        Assert.True(Values(Report("o"))[0] > 0);
        Assert.Equal(weights, Report("o").GetProperty("weights").GetString());
        Assert.Contains("has images of 6x6, but those to judge have 8x8", Assert.Throws<UsageException>(() => EvaluationRun.Run(request with { Metrics = ["fd", "sliced-wasserstein"] }, device)).Message, StringComparison.Ordinal);

        double[] one = [.. Enumerable.Repeat(1.0, 64)], identity = [.. Enumerable.Range(0, 64 * 64).Select(i => i % 65 == 0 ? 1.0 : 0)];
        MomentsFile.Write(folder.File("m.npz"), new Moments(9, one, identity), null, Narrow);
        Assert.Equal(0, EvaluationRun.Run(request with { Reference = folder.File("m.npz"), Output = Directory.CreateDirectory(folder.File("p")).FullName }, device));
        Assert.Contains(Report("p").GetProperty("remarks").EnumerateArray(), remark => remark.GetString()!.Contains("the reference's resizing is unknown", StringComparison.Ordinal));
        MomentsFile.Write(folder.File("m.npz"), new Moments(9, one, identity), null, Narrow, "no resizing");
        Assert.Contains("whose input is made by 'no resizing', not by '", Assert.Throws<InvalidFileException>(() => EvaluationRun.Run(request with { Reference = folder.File("m.npz") }, device)).Message, StringComparison.Ordinal);

        TrigflowProcess.Outcome made = TrigflowProcess.Run("reference", folder.File("b.npz"), folder.File("r.npz"), "--features", "resnet18-cntk", "--weights", weights, "--device", "cpu");
        Assert.True(made.ExitCode == 0, made.ToString());
        Assert.Contains("224", MomentsFile.Read(folder.File("r.npz")).Input, StringComparison.Ordinal);
    }

    /// <summary>A number of images that cannot be had is said before the reference is read, whose damage is only seen at its end.</summary>
    [Fact]
    public void Missing_images_are_refused_before_any_work()
    {
        using var device = new CpuDevice();
        Noise("a.npz", 40, 1);
        folder.Write("damaged.npz", TestZip.Encode([new TestZipEntry("arr_0.npy", MomentsFileTests.Npy("|u1", "50, 8, 8, 3", new byte[50 * 192])) { Checksum = 5 }]));
        var request = new EvaluationRequest { Images = folder.File("a.npz"), Reference = folder.File("damaged.npz"), Count = 50, Features = "pixels", Metrics = ["fd"] };
        Assert.Contains("holds 40 images, fewer than --count 50", Assert.Throws<UsageException>(() => EvaluationRun.Run(request, device)).Message, StringComparison.Ordinal);
        Assert.Contains("fails its checksum", Assert.Throws<InvalidFileException>(() => EvaluationRun.Run(request with { Count = 40 }, device)).Message, StringComparison.Ordinal);
    }

    /// <summary>What is refused after weights are loaded gives their memory back.</summary>
    [Fact]
    public void A_refused_evaluation_leaves_no_weights_behind()
    {
        string model = Model();
        using var device = new CpuDevice();
        long before = device.AllocatedBytes;
        Assert.Throws<InvalidFileException>(() => EvaluationRun.Run(new EvaluationRequest { Checkpoint = model, Data = folder.File("gone") }, device));
        Assert.Equal(before, device.AllocatedBytes);
    }

    /// <summary>Several numbers of steps and seeds: a row for each, and the least and mean over seeds; the old options still work.</summary>
    [Fact]
    public void Samples_of_several_steps_and_seeds_are_judged_in_turn()
    {
        string model = Model();
        Noise("real.npz", 64, 1);
        using var device = new CpuDevice();
        var request = new EvaluationRequest { Checkpoint = model, Reference = folder.File("real.npz"), Steps = [1, 2], Seeds = [0, 1, 2], Count = 40, Features = "pixels", Metrics = ["fd"], Output = folder.File("o") };
        request.Check();
        Assert.Equal(0, EvaluationRun.Run(request, device));
        JsonElement report = Report("o"), summary = report.GetProperty("summary")[1];
        Assert.Equal([(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)], report.GetProperty("rows").EnumerateArray().Select(row => (row.GetProperty("steps").GetInt32(), row.GetProperty("seed").GetInt32())));
        double[] values = Values(report)[3..];
        Assert.Equal((1, "fp32"), (report.GetProperty("guidance").GetDouble(), report.GetProperty("precision").GetString()));
        Assert.Equal(3, values.Distinct().Count());
        Assert.Equal(values.Min(), summary.GetProperty("least").GetDouble());
        Assert.Equal(values.Average(), summary.GetProperty("mean").GetDouble(), 1e-9);

        // The samples are those that sample draws with the same seed, and no others.
        using TrigFlowModel loaded = ModelSampling.Load(model, device, Precision.Fp32);
        ByteImages drawn = ModelSampling.Draw(loaded, 40, 2, 1);
        Npz.Write(folder.File("drawn.npz"), drawn);
        Assert.Equal(1, Values(report)[4] / FrechetDistance.Between(Pixels("drawn.npz"), Moments.Of(Pixels("real.npz"))).Distance, 1e-9);
    }

    [Fact]
    public void Held_out_images_are_the_reference_and_real_ones_stand_beside()
    {
        using var device = new CpuDevice();
        var request = new EvaluationRequest { Checkpoint = Model(), Data = "synthetic", Seeds = [3], Steps = [1], Count = 40, Features = "pixels", Metrics = ["fd", "sliced-wasserstein"], Output = folder.File("o") };
        request.Check();
        Assert.Equal(0, EvaluationRun.Run(request, device));
        JsonElement report = Report("o");
        Assert.Equal(["samples", "real images"], report.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("of").GetString()).Distinct());
        Dictionary<string, double> of = report.GetProperty("rows").EnumerateArray().ToDictionary(row => $"{row.GetProperty("of")} {row.GetProperty("metric")}", row => row.GetProperty("value").GetDouble());
        Assert.True(of["real images fd-pixels"] < of["samples fd-pixels"] && of["real images sliced-wasserstein pixels"] < of["samples sliced-wasserstein pixels"], string.Join(", ", of));
    }

    [Fact]
    public void Sets_that_do_not_fit_are_refused()
    {
        using var device = new CpuDevice();
        Noise("a.npz", 40, 1);
        Npz.Write(folder.File("b.npz"), new ByteImages(new byte[40 * 108], 40, 6, 6, 3));
        Assert.Contains("has images of 6x6, but those to judge have 8x8", Refused(new EvaluationRequest { Images = folder.File("a.npz"), Reference = folder.File("b.npz"), Count = 40, Features = "pixels" }), StringComparison.Ordinal);
        Assert.Contains("holds 40 images, fewer than --count 50000", Refused(new EvaluationRequest { Images = folder.File("a.npz"), Reference = folder.File("a.npz"), Features = "pixels" }), StringComparison.Ordinal);
        MomentsFile.Write(folder.File("m.npz"), Moments.Of(Pixels("a.npz")), null, "pixels");
        Assert.Contains("--metrics fd-infinity: 19 images to judge are too few", Refused(new EvaluationRequest { Images = folder.File("a.npz"), Reference = folder.File("m.npz"), Count = 19, Features = "pixels", Metrics = ["fd-infinity"] }), StringComparison.Ordinal);
        Assert.Contains("compares images, but", Refused(new EvaluationRequest { Images = folder.File("a.npz"), Reference = folder.File("m.npz"), Count = 40, Features = "pixels", Metrics = ["fd", "sliced-wasserstein"] }), StringComparison.Ordinal);

        string Refused(EvaluationRequest request) => Assert.Throws<UsageException>(() => EvaluationRun.Run(request, device)).Message;
    }

    public void Dispose() => folder.Dispose();

    private void Noise(string name, int count, int seed)
    {
        byte[] pixels = new byte[count * 192];
        new Random(seed).NextBytes(pixels);
        Npz.Write(folder.File(name), new ByteImages(pixels, count, 8, 8, 3));
    }

    private void Judge(string images, string reference, string output)
    {
        using var device = new CpuDevice();
        var request = new EvaluationRequest { Images = folder.File(images), Reference = folder.File(reference), Features = "pixels", Count = 150, Output = folder.File(output) };
        request.Check();
        Assert.Equal(0, EvaluationRun.Run(request, device));
    }

    private FeatureRows Pixels(string name)
    {
        ByteImages images = Npz.Read(folder.File(name));
        return new FeatureRows([.. images.Pixels.ToArray().Select(value => (float)value)], images.Count, images.Height * images.Width * images.Channels);
    }

    private JsonElement Report(string output) => JsonDocument.Parse(File.ReadAllBytes(folder.File($"{output}/evaluation.json"))).RootElement;

    private static double[] Values(JsonElement report) => [.. report.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("value").GetDouble())];

    private static string[] Metrics(JsonElement report) => [.. report.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("metric").GetString()!)];

    private string Model()
    {
        using var device = new CpuDevice();
        DdpmppConfig small = (DdpmppConfig)ModelPresets.Get("demo") with { Resolution = 8, ModelChannels = 8, ChannelMult = [1], AttentionResolutions = [] };
        INetwork network = small.Build();
        using ParameterSlab weights = network.CreateSlab(device);
        var random = new Random(1);
        foreach (Parameter parameter in weights.Parameters)
            parameter.Value.Upload<float>([.. Enumerable.Range(0, parameter.Value.Count).Select(_ => (float)(random.NextDouble() - 0.5) / 4)]);
        new TrigFlowModel(network, weights, 0.5f, ModelKind.Consistency).Save(folder.File("model"));
        return folder.File("model");
    }
}

using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Snapshots of the power-function averages, and averages of other widths that are made from them.</summary>
public sealed class SnapshotTests : IDisposable
{
    private const int Batch = 8, Steps = 20, Interval = 32;
    private readonly TemporaryFolder temp = new();

    /// <summary>The weights of each step are replayed into averages of other widths; snapshots of every eighth step must come near them.</summary>
    [Fact]
    public void A_reconstructed_average_is_near_the_one_that_is_tracked()
    {
        const int steps = 384, every = 8;
        double[] widths = [0.07, 0.08, 0.12];
        ComputeDevice cpu = TestDevices.Get("cpu");
        var network = new TinyNetwork(channels: 5, labelCount: 3);
        var options = new TrainingOptions { Batch = 6, Average = new AverageOptions { PowerFunction = true } };
        using var training = new TrainingStep(cpu, network, options, 0.5f, slab => TinyNetwork.Fill(slab, 4));
        var folder = new SnapshotFolder(temp.Path);
        var tracked = new double[widths.Length][];
        for (int i = 0; i < steps; i++)
        {
            training.Run([.. new GaussianFlow(0.3, 0.25, 0.5).Images(6 * 5, i)], [0, 1, -1, 2, 2, 1], i);
            float[] weights = Values(name => training.Weights[name].Value.ToArray());
            for (int k = 0; k < widths.Length; k++)
            {
                double beta = PowerAverage.OfWidth(widths[k]).Beta(i + 1, 1);
                tracked[k] = [.. weights.Select((now, n) => beta == 0 ? now : beta * tracked[k][n] + (1 - beta) * now)];
            }

            if ((i + 1) % every == 0)
                foreach ((PowerAverage kind, ParameterSlab slab) in training.PowerAverages)
                    folder.Save(kind, i + 1, (i + 1) * 6, network, slab, new WeightDescription(0.5f, ModelKind.Diffusion), SnapshotPrecision.Fp32);
        }

        float[] last = Values(name => training.Weights[name].Value.ToArray()), wide = Values(name => training.PowerAverages[1].Weights[name].Value.ToArray());
        foreach ((double width, double[] expected) in widths.Zip(tracked))
        {
            var made = Reconstruction.Of(folder.Read(), width, steps * 6);
            made.Write(temp.File("made.safetensors"));
            using SafetensorsFile file = SafetensorsFile.Open(temp.File("made.safetensors"));
            double error = Distance(expected, Values(file.ReadSingles));
            Assert.InRange(error, 0, 0.02 * Distance(expected, wide)); // the nearest stored average is fifty times as far
            Assert.True(Distance(expected, wide) < Distance(expected, last));
            Assert.InRange(made.Error, 1e-6, 0.05);
            Assert.True(made.Parts > 10);
        }

        float[] Values(Func<string, float[]> read) => [.. network.Parameters.SelectMany(parameter => read(parameter.Name))];
    }

    [Theory]
    [InlineData("fp16", SafetensorsType.F16)]
    [InlineData("bf16", SafetensorsType.BF16)]
    [InlineData("fp32", SafetensorsType.F32)]
    public void A_run_stores_its_averages_and_a_kept_one_is_reconstructed_to_the_bit(string precision, SafetensorsType type)
    {
        Train("run", $"snapshot_precision={precision}", "result_width=0.05");
        IReadOnlyList<Snapshot> snapshots = new SnapshotFolder(temp.File("run")).Read();
        Assert.Equal([32L, 32, 64, 64, 96, 96, 128, 128, 160, 160], snapshots.Select(each => each.Images));
        Assert.Equal(["0.1", "0.05"], snapshots.Take(2).Select(each => each.Average.Width.ToString("0.####", CultureInfo.InvariantCulture)));
        Reconstruct(0, "run", "--width", "0.05", "0.1", "--out", temp.File("made"));
        Reconstruct(0, "run", "--width", "0.05", "--images", "96", "--out", temp.File("early.safetensors"));
        foreach ((Snapshot snapshot, string path) in new[] { (snapshots[^1], "made/width-0.05-images-160.safetensors"), (snapshots[^2], "made/width-0.10-images-160.safetensors"), (snapshots[5], "early.safetensors") })
        {
            using SafetensorsFile stored = SafetensorsFile.Open(snapshot.Path), made = SafetensorsFile.Open(temp.File(path));
            Assert.All(stored.Entries, entry => Assert.Equal(type, entry.Type));
            Assert.All(made.Entries, entry => Assert.Equal(stored.ReadSingles(entry.Name), made.ReadSingles(entry.Name)));
            Assert.Equal(stored.Metadata["config"], made.Metadata["config"]);
        }

        // The run's result is the narrow average, of which the snapshot is the rounded copy.
        using TrigFlowModel result = TrigFlowModel.Load(temp.File("run/model.safetensors"), TestDevices.Get("cpu")), narrow = TrigFlowModel.Load(temp.File("made/width-0.05-images-160.safetensors"), TestDevices.Get("cpu"));
        Assert.Equal((result.Kind, result.SigmaData, result.ClassNames), (narrow.Kind, narrow.SigmaData, narrow.ClassNames));
        float[] exact = result.Weights.Values.ToArray();
        Assert.Equal(exact.Select(value => Rounded(type, value)), narrow.Weights.Values.ToArray());
        Assert.DoesNotContain("\"average\"", File.ReadAllText(Directory.GetFiles(temp.File("run/checkpoints"))[^1])[..4096], StringComparison.Ordinal);
    }

    [Fact]
    public void A_killed_run_writes_the_same_snapshots_again()
    {
        Train("whole");
        using (TrigflowProcess process = TrigflowProcess.Start(Arguments("killed")))
        {
            Assert.True(process.WaitFor(() => Directory.Exists(temp.File("killed/snapshots")) && Directory.GetFiles(temp.File("killed/snapshots"), "*0012.safetensors").Length > 0));
            process.Kill();
        }

        foreach (string path in Directory.GetFiles(temp.File("killed/snapshots"), "*0012.safetensors"))
            File.WriteAllText(path, "what a disk made of it"); // the state is of step 7, so that this is written again
        foreach (string state in Directory.GetFiles(temp.File("killed/checkpoints")).Where(path => string.CompareOrdinal(Path.GetFileName(path), "step-0000000012") > 0))
            File.Delete(state); // the kill came late
        Train("killed");
        string[] names = Names("whole");
        Assert.Equal(10, names.Length);
        Assert.Equal(names, Names("killed"));
        Assert.All(names, name => Assert.Equal(File.ReadAllBytes(temp.File($"whole/snapshots/{name}")), File.ReadAllBytes(temp.File($"killed/snapshots/{name}"))));

        string[] Names(string run) => [.. Directory.GetFiles(temp.File($"{run}/snapshots")).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void Snapshots_of_a_run_that_is_gone_are_set_aside()
    {
        Train("run");
        foreach (string name in new[] { "config.json", "model.safetensors" })
            File.Delete(temp.File($"run/{name}"));
        Directory.Delete(temp.File("run/checkpoints"), recursive: true);
        string lines = Train("run", "p_mean=-1");
        Assert.Contains("snapshots.before", lines, StringComparison.Ordinal);
        Assert.Equal(10, Directory.GetFiles(temp.File("run/snapshots.before")).Length);
        Assert.Equal(10, Directory.GetFiles(temp.File("run/snapshots")).Length);
    }

    [Fact]
    public void What_cannot_be_reconstructed_is_refused_in_one_line()
    {
        Train("run");
        string[] snapshots = [.. Directory.GetFiles(temp.File("run/snapshots")).Order(StringComparer.Ordinal)];
        Refused("run", "--width 0: expected a number above 0, at most 0.2887", "--width", "0");
        Refused("run", "--width 0.3: expected", "--width", "0.08", "0.3");
        Refused("run", "--width wide: expected a number such as 0.08", "--width", "wide");
        Refused("run", "--images 100: there is no snapshot of so many images; the nearest has 96", "--width", "0.08", "--images", "100");
        Refused("run", "is one file, but 2 widths", "--width", "0.08", "0.12", "--out", temp.File("one.safetensors"));
        Refused("run", "there is a file of something else already", "--width", "0.08", "--out", temp.File("run/model.safetensors"));
        Refused("run", "lies in the folder of the run's snapshots", "--width", "0.08", "--out", temp.File("run/snapshots"));
        Refused("run", "lies in the folder of the run's snapshots", "--width", "0.08", "--out", snapshots[0]);
        Refused("none", "no such folder", "--width", "0.08");
        Directory.CreateDirectory(temp.File("empty"));
        Refused("empty", "has no snapshots", "--width", "0.08");

        byte[] sound = File.ReadAllBytes(snapshots[3]);
        byte[] damaged = [.. sound];
        damaged[^5] ^= 1;
        Refused("run", $"{Path.GetFileName(snapshots[3])}: its data or metadata do not match its checksum", damaged, "--width", "0.08");
        Refused("run", $"{Path.GetFileName(snapshots[3])}: tensor", sound[..^100], "--width", "0.08");
        Refused("run", "has no 'average_gamma'", File.ReadAllBytes(temp.File("run/model.safetensors")), "--width", "0.08");
        Train("other", "model_channels=16");
        Refused("run", "is of another model", File.ReadAllBytes(Path.Combine(temp.File("other/snapshots"), Path.GetFileName(snapshots[3]))), "--width", "0.08");
        File.WriteAllBytes(snapshots[3], sound);
        Reconstruct(0, "run", "--width", "0.08");
        Reconstruct(0, "run", "--width", "0.08"); // over its own result
        Assert.Equal("width-0.08-images-160.safetensors", Path.GetFileName(Assert.Single(Directory.GetFiles(temp.File("run/reconstructed")))));

        void Refused(string run, string message, params object[] change)
        {
            if (change[0] is byte[] content)
                File.WriteAllBytes(snapshots[3], content);
            string line = Assert.Single(Reconstruct(2, run, [.. change.OfType<string>()]).Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.Contains(message, line, StringComparison.Ordinal);
            Assert.False(Directory.Exists(temp.File("run/reconstructed")) && Directory.GetFiles(temp.File("run/reconstructed")).Length > 0);
        }
    }

    [Fact]
    public void A_tensor_beyond_the_range_of_fp16_is_stored_in_fp32()
    {
        var network = new TinyNetwork(channels: 5, labelCount: 3);
        using ParameterSlab slab = network.CreateSlab(TestDevices.Get("cpu"));
        Tensor first = slab[network.Parameters[0].Name].Value;
        float[] large = new float[first.Count];
        large[^1] = -65520; // rounds to infinity in fp16
        first.Upload<float>(large);
        new SnapshotFolder(temp.Path).Save(PowerAverage.OfWidth(0.1), 1, 2, network, slab, new WeightDescription(0.5f, ModelKind.Diffusion), SnapshotPrecision.Fp16);
        using SafetensorsFile file = SafetensorsFile.Open(Assert.Single(Directory.GetFiles(temp.File("snapshots"))));
        Assert.Equal([.. network.Parameters.Skip(1).Select(each => each.Name).Order(StringComparer.Ordinal)], file.Entries.Where(entry => entry.Type == SafetensorsType.F16).Select(entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.Contains(-65520f, file.ReadSingles(network.Parameters[0].Name));
    }

    [Theory]
    [InlineData("snapshot_every=3", "snapshot_images must not be negative, and 0 if there is a snapshot_every")]
    [InlineData("power_function=false", "result_width must be null, or")]
    [InlineData("result_width=0.07", "result_width must be null, or 0.05 or 0.1 with power_function=true, not 0.07")]
    public void Settings_that_contradict_each_other_are_refused(string setting, string message)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(Arguments("run", "result_width=0.05", setting));
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Contains(message, outcome.Errors, StringComparison.Ordinal);
    }

    public void Dispose() => temp.Dispose();

    private static double Distance(double[] expected, float[] actual) => Math.Sqrt(expected.Zip(actual, (a, b) => (a - b) * (a - b)).Sum());

    private static float Rounded(SafetensorsType type, float value) => type switch
    {
        SafetensorsType.F16 => (float)(Half)value,
        SafetensorsType.BF16 => BFloat16.ToSingle(BFloat16.FromSingle(value)),
        _ => value,
    };

    private string[] Arguments(string run, params string[] settings) =>
    [
        "train", "--objective", "trigflow", "--data", "synthetic", "--preset", "demo", "--out", temp.File(run), "--device", "cpu", "--batch", $"{Batch}",
        "--images", $"{Batch * Steps}", "--set", "model_channels=8", "channel_mult=[1,2]", "checkpoint_every=7", "power_function=true", $"snapshot_images={Interval}", .. settings,
    ];

    private string Train(string run, params string[] settings)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(Arguments(run, settings));
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        return outcome.Errors;
    }

    private string Reconstruct(int code, string run, params string[] arguments)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(["reconstruct", "--run", temp.File(run), .. arguments]);
        Assert.True(outcome.ExitCode == code, outcome.ToString());
        return outcome.Errors;
    }
}

using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Optimization;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Metrics on held-out images while a run trains: they are logged, change nothing, and choose the weights that are kept.</summary>
public sealed class EvaluationRunTests : IDisposable
{
    private const int Batch = 4, Images = 640; // 40 held out
    private const string First = "held-out sliced-wasserstein pixels", Frechet = "held-out fd-pixels", Loss = "held-out loss";
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Evaluations_are_logged_and_change_no_weights()
    {
        Train(Config() with { EvaluateEvery = 0 }, steps: 6, "plain");
        Train(Config(), steps: 6, "whole");
        Assert.Equal(File.ReadAllBytes(temp.File("plain/model.safetensors")), File.ReadAllBytes(temp.File("whole/model.safetensors")));
        MetricsRow[] rows = [.. MetricsLog.Read(temp.File("whole/metrics.csv"))];
        Assert.Equal([2, 4, 6], rows.Where(row => row.Means.ContainsKey(Frechet)).Select(row => (int)row.Step));
        Assert.Equal(3, rows.Select(row => row.Means.GetValueOrDefault(First, double.NaN)).Where(double.IsFinite).Distinct().Count());
        Assert.Equal(6, rows.Length);
        Assert.True(new FileInfo(temp.File("whole/evaluation.png")).Length > 1000);
        Assert.False(File.Exists(temp.File("plain/evaluation.png")) || File.Exists(temp.File("whole/best.safetensors")));

        // A run that was stopped in between logs the same.
        Train(Config(), steps: 3, "cut");
        Train(Config(), steps: 6, "cut");
        Assert.Equal(rows.Select(row => row.Means.GetValueOrDefault(Frechet)), MetricsLog.Read(temp.File("cut/metrics.csv")).Select(row => row.Means.GetValueOrDefault(Frechet)));
    }

    /// <summary>The weights that are kept are those of the step with the least first value, also of a run that ends there.</summary>
    [Fact]
    public void The_best_weights_are_kept()
    {
        Train(Config() with { EvaluateBest = true }, steps: 6, "best");
        MetricsRow best = MetricsLog.Read(temp.File("best/metrics.csv")).Where(row => row.Means.ContainsKey(First)).MinBy(row => row.Means[First])!;
        Train(Config() with { EvaluateEvery = 0 }, steps: (int)best.Step, "until");
        Assert.Equal(File.ReadAllBytes(temp.File("until/model.safetensors")), File.ReadAllBytes(temp.File("best/best.safetensors")));
    }

    /// <summary>The same runs with the loss alone, which draws no samples: the same bits in every file of weights and states, and the same lines after a stop.</summary>
    [Theory]
    [InlineData("trigflow")]
    [InlineData("sct")]
    public void The_loss_is_logged_and_changes_no_bit(string objective)
    {
        RunConfig config = OfLoss(objective);
        Train(config with { EvaluateEvery = 0 }, steps: 6, "plain");
        Train(config, steps: 6, "whole");
        Train(config, steps: 3, "cut");
        Train(config, steps: 6, "cut");
        string[] files = [.. Directory.GetFiles(temp.File("plain"), "*.safetensors", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(temp.File("plain"), path))];
        Assert.True(files.Length >= 2);
        foreach (string file in files)
            Assert.Equal(File.ReadAllBytes(temp.File($"plain/{file}")), File.ReadAllBytes(temp.File($"whole/{file}")));
        MetricsRow[] rows = [.. MetricsLog.Read(temp.File("whole/metrics.csv"))];
        double[] losses = [.. Losses("whole")];
        Assert.Equal([2, 4, 6], rows.Where(row => double.IsFinite(row.Means.GetValueOrDefault(Loss, double.NaN))).Select(row => (int)row.Step));
        Assert.Equal(3, losses.Distinct().Count());
        Assert.Equal(losses, Losses("cut"));
        Assert.Equal(rows.Select(row => row.Loss), MetricsLog.Read(temp.File("plain/metrics.csv")).Select(row => row.Loss));
        Assert.True(new FileInfo(temp.File("whole/evaluation.png")).Length > 1000);
    }

    /// <summary>Weights that stay as they are have the same loss each time, however many images a pass takes: 30 are no multiple of 4.</summary>
    [Fact]
    public void The_loss_depends_on_the_weights_alone()
    {
        RunConfig still = OfLoss("trigflow");
        still = still with { Training = still.Training with { Optimizer = still.Training.Optimizer with { LearningRate = new LearningRateSchedule { Peak = 1e-30 } } } };
        Train(still, steps: 4, "four");
        Train(still with { Training = still.Training with { MicroBatch = 1 } }, steps: 4, "one");
        double[] four = [.. Losses("four")], one = [.. Losses("one")];
        Assert.Equal(four[0], four[1]);
        Assert.Equal(four[0], one[0], 1e-6 * Math.Abs(four[0]));
    }

    /// <summary>The first name decides which weights are the best.</summary>
    [Theory]
    [InlineData("loss, sliced-wasserstein", Loss)]
    [InlineData("sliced-wasserstein, loss", First)]
    public void The_loss_stands_beside_other_metrics(string metrics, string deciding)
    {
        Train(Config() with { EvaluateMetrics = metrics, EvaluateBest = true }, steps: 6, "both");
        MetricsRow[] rows = [.. MetricsLog.Read(temp.File("both/metrics.csv")).Where(row => double.IsFinite(row.Means.GetValueOrDefault(First, double.NaN)))];
        Assert.All(rows, row => Assert.True(double.IsFinite(row.Means[Loss])));
        Train(Config() with { EvaluateEvery = 0 }, steps: (int)rows.MinBy(row => row.Means[deciding])!.Step, "until");
        Assert.Equal(File.ReadAllBytes(temp.File("until/model.safetensors")), File.ReadAllBytes(temp.File("both/best.safetensors")));
    }

    [Fact]
    public void What_cannot_be_evaluated_is_refused_before_the_run_begins()
    {
        Refused("evaluate_metrics=fid: expected some of density-coverage, fd,", Config() with { EvaluateMetrics = "fid" });
        Refused("evaluate_metrics=loss, losses: expected some of", Config() with { EvaluateMetrics = "loss, losses" });
        Refused("evaluate_metrics=fd: takes evaluate_features, one of", Config() with { EvaluateFeatures = "" });
        Assert.Contains("evaluate_every is 3: expected 0 or a multiple of log_every, which is 2", Assert.Throws<ArgumentException>(
            () => RunConfig.FromJson("x", (Config() with { Images = 4, LogEvery = 2, EvaluateEvery = 3 }).ToJson())).Message, StringComparison.Ordinal);

        void Refused(string reason, RunConfig config)
        {
            Assert.Contains(reason, Assert.Throws<UsageException>(() => Train(config, 1, "refused")).Message, StringComparison.Ordinal);
            Assert.False(File.Exists(temp.File("refused/config.json")));
        }
    }

    public void Dispose() => temp.Dispose();

    private RunConfig Config()
    {
        if (!File.Exists(temp.File("data.bin")))
        {
            byte[] records = new byte[Images * 3073];
            new Random(1).NextBytes(records);
            for (int i = 0; i < records.Length; i += 3073)
                records[i] = (byte)(i / 3073 % 10);
            temp.Write("data.bin", records);
        }

        return new RunConfig
        {
            Preset = "demo",
            Data = temp.File("data.bin"),
            LogEvery = 1,
            CheckpointEvery = 3,
            EvaluateEvery = 2,
            EvaluateImages = 30,
            EvaluateMetrics = "sliced-wasserstein, fd",
            EvaluateFeatures = "pixels",
            Network = (DdpmppConfig)ModelPresets.Get("demo") with { Resolution = 8, ModelChannels = 8, ChannelMult = [1], AttentionResolutions = [] },
            Training = TrainingPresets.Get("demo", "trigflow").Options with { Batch = Batch },
        };
    }

    private RunConfig OfLoss(string objective) => Config() with
    {
        EvaluateMetrics = "loss",
        EvaluateFeatures = "",
        Training = TrainingPresets.Get("demo", objective).Options with { Batch = Batch },
    };

    private IEnumerable<double> Losses(string run) =>
        MetricsLog.Read(temp.File($"{run}/metrics.csv")).Select(row => row.Means.GetValueOrDefault(Loss, double.NaN)).Where(double.IsFinite);

    private void Train(RunConfig config, int steps, string run) =>
        Assert.True(Trainer.Run(config with { Images = steps * Batch }, temp.File(run), TestDevices.Get("cpu")).Complete);
}

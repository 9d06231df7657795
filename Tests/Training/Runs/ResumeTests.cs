using TrigFlowNative.Training.Runs;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>The same command again continues a run and gives the bits of an uninterrupted run, whenever it was killed.</summary>
public sealed class ResumeTests : IDisposable
{
    private const int Batch = 8, Steps = 30;
    private readonly string folder = Directory.CreateTempSubdirectory("trigflow-resume-").FullName;
    private readonly string data;

    /// <summary>A data set in CIFAR's format that is read in no time: 40 records of a label and noise.</summary>
    public ResumeTests()
    {
        data = Path.Combine(folder, "data_batch_1.bin");
        byte[] records = new byte[40 * 3073];
        new Random(3).NextBytes(records);
        for (int i = 0; i < records.Length; i += 3073)
            records[i] = (byte)(i / 3073 % 10);
        File.WriteAllBytes(data, records);
    }

    [Theory]
    [InlineData("trigflow")]
    [InlineData("sct")]
    public void A_run_killed_at_several_moments_ends_with_the_same_bits(string objective)
    {
        string whole = Path.Combine(folder, "whole"), killed = Path.Combine(folder, "killed");
        Complete(objective, whole);

        // Before the first checkpoint, after one, while one is being written, and late.
        Func<bool>[] moments =
        [
            () => File.Exists(Path.Combine(killed, "config.json")),
            () => Checkpoints(killed).Any(path => path.EndsWith(".safetensors", StringComparison.Ordinal)),
            () => Checkpoints(killed).Any(path => path.EndsWith(".tmp", StringComparison.Ordinal)),
            () => MetricsLog.Read(Path.Combine(killed, "metrics.csv")).Any(row => row.Step >= Steps * 2 / 3),
        ];
        int kills = 0;
        foreach (Func<bool> moment in moments)
        {
            using TrigflowProcess process = TrigflowProcess.Start(Arguments(objective, killed));
            if (process.WaitFor(moment))
                kills++;
            process.Kill();
        }

        Assert.True(kills >= 3, $"only {kills} of {moments.Length} moments were met");
        Complete(objective, killed);
        AssertSame(whole, killed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(15)]
    public void A_run_stopped_by_a_signal_saves_tells_the_shell_and_continues(int signal)
    {
        string whole = Path.Combine(folder, "whole"), interrupted = Path.Combine(folder, "interrupted");
        Complete("trigflow", whole);
        using (TrigflowProcess process = TrigflowProcess.Start(Arguments("trigflow", interrupted)))
        {
            Assert.True(process.WaitFor(() => MetricsLog.Read(Path.Combine(interrupted, "metrics.csv")).Count > 0));
            process.Signal(signal);
            TrigflowProcess.Outcome outcome = process.Wait();
            Assert.True(outcome.ExitCode == 128 + signal, outcome.ToString());
            Assert.Contains("the same command continues", outcome.Output, StringComparison.Ordinal);
            Assert.Contains($"stopped at step {Checkpoint.Inspect(Checkpoints(interrupted)[^1]).Step} of", outcome.Output, StringComparison.Ordinal);
        }

        Complete("trigflow", interrupted);
        AssertSame(whole, interrupted);
    }

    [Fact]
    public void A_run_is_not_continued_under_another_configuration()
    {
        string run = Path.Combine(folder, "run");
        Complete("trigflow", run);
        byte[] before = File.ReadAllBytes(Checkpoints(run)[0]);
        Assert.Contains("\"precision\": \"fp32\"", File.ReadAllText(Path.Combine(run, "config.json")), StringComparison.Ordinal); // the value of auto
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run([.. Arguments("trigflow", run), "--set", "learning_rate.peak=0.5"]);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("learning_rate.peak is", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(Checkpoints(run)[0]));
    }

    [Fact]
    public void A_damaged_newest_state_is_passed_over_for_the_one_before()
    {
        string whole = Path.Combine(folder, "whole"), damaged = Path.Combine(folder, "damaged");
        Complete("trigflow", whole);
        Complete("trigflow", damaged);
        string newest = Checkpoints(damaged)[^1];
        using (FileStream file = File.OpenWrite(newest))
            file.SetLength(file.Length / 2);
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(Arguments("trigflow", damaged));
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Contains(Path.GetFileName(newest), outcome.Errors, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(newest), File.ReadAllText(Path.Combine(damaged, "run.log")), StringComparison.Ordinal);
        File.Delete(newest + ".damaged"); // throws if it was not kept
        AssertSame(whole, damaged);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string[] Arguments(string objective, string run) =>
    [
        "train", "--objective", objective, "--data", data, "--preset", "demo", "--out", run, "--device", "cpu", "--seed", "5",
        "--batch", $"{Batch}", "--images", $"{Batch * Steps}",
        "--set", "model_channels=8", "channel_mult=[1,2]", "checkpoint_every=7", "log_every=5", "dropout=0.1", "micro_batch=4",
    ];

    private void Complete(string objective, string run)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(Arguments(objective, run));
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
    }

    private static string[] Checkpoints(string run) => Directory.Exists(Path.Combine(run, "checkpoints"))
        ? [.. Directory.GetFiles(Path.Combine(run, "checkpoints")).Order(StringComparer.Ordinal)]
        : [];

    private static void AssertSame(string expected, string actual)
    {
        Assert.Equal(Checkpoints(expected).Select(Path.GetFileName), Checkpoints(actual).Select(Path.GetFileName));
        foreach ((string first, string second) in Checkpoints(expected).Zip(Checkpoints(actual)))
            Assert.True(File.ReadAllBytes(first).AsSpan().SequenceEqual(File.ReadAllBytes(second)), $"{Path.GetFileName(first)} differs");
        Assert.Equal(File.ReadAllBytes(Path.Combine(expected, "model.safetensors")), File.ReadAllBytes(Path.Combine(actual, "model.safetensors")));
        Assert.Equal(Rows(expected), Rows(actual));
    }

    /// <summary>All columns but the speed.</summary>
    private static string[] Rows(string run) => [.. MetricsLog.Read(Path.Combine(run, "metrics.csv"))
        .Select(row => $"{row with { ImagesPerSecond = 0, Means = new Dictionary<string, double>() }} {string.Join(' ', row.Means)}")];
}

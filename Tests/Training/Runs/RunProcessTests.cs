using System.Diagnostics;
using TrigFlowNative.Training.Runs;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>What happens around a training process, to its output, its folder and its files, costs no run.</summary>
public sealed class RunProcessTests : IDisposable
{
    private readonly TemporaryFolder temp = new();
    private readonly string data;

    public RunProcessTests()
    {
        byte[] records = new byte[20 * 3073];
        new Random(3).NextBytes(records);
        for (int i = 0; i < records.Length; i += 3073)
            records[i] = (byte)(i / 3073 % 10);
        data = temp.Write("data_batch_1.bin", records);
    }

    [Theory]
    [InlineData(">&-")]
    [InlineData(">&- 2>&-")]
    [InlineData("<&- >&- 2>&-")]
    [InlineData(">/dev/full 2>/dev/full")]
    [InlineData("| true")]
    public void Output_that_cannot_be_written_does_not_end_the_training(string redirection)
    {
        if (!OperatingSystem.IsLinux())
            return;
        int code = Shell($"exec {Command("run", steps: 4)} {redirection}");
        Assert.Equal(0, code);
        Assert.True(File.Exists(temp.File("run/model.safetensors")));
        Assert.Equal([2L, 4L], MetricsLog.Read(temp.File("run/metrics.csv")).Select(row => row.Step));
        if (!redirection.StartsWith('|'))
            Assert.Contains("cannot be written", File.ReadAllText(temp.File("run/run.log")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_stopped_run_stops_the_commands_that_the_shell_has_behind_it()
    {
        if (OperatingSystem.IsWindows())
            return;
        int code = Shell($"({Command("run", steps: 1_000_000, "checkpoint_every=1000000")} & p=$!; while [ ! -s {temp.File("run/metrics.csv")} ]; do sleep 0.05; done; sleep 0.2; kill -TERM $p; wait $p) && touch {temp.File("went-on")}");
        Assert.Equal(143, code);
        Assert.False(File.Exists(temp.File("went-on")));
        Assert.Single(Directory.GetFiles(temp.File("run/checkpoints")));
    }

    [Fact]
    public void A_folder_that_is_removed_meanwhile_is_an_error()
    {
        using TrigflowProcess process = TrigflowProcess.Start([.. Arguments("run", steps: 1_000_000), "checkpoint_every=500"]);
        Assert.True(process.WaitFor(() => File.Exists(temp.File("run/model.safetensors"))));
        Directory.Move(temp.File("run"), temp.File("gone"));
        TrigflowProcess.Outcome outcome = process.Wait();
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Contains("removed", outcome.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(temp.File("run/model.safetensors")));
    }

    /// <summary>The run that lost its folder must not write into the run that took its place.</summary>
    [Fact]
    public void A_run_in_the_place_of_one_that_was_moved_stays_as_it_is()
    {
        using TrigflowProcess process = TrigflowProcess.Start([.. Arguments("run", steps: 1_000_000), "checkpoint_every=500"]);
        Assert.True(process.WaitFor(() => File.Exists(temp.File("run/model.safetensors"))));
        Directory.Move(temp.File("run"), temp.File("moved"));
        Run(Arguments("run", steps: 4));
        byte[] model = File.ReadAllBytes(temp.File("run/model.safetensors"));
        TrigflowProcess.Outcome outcome = process.Wait();
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Equal(model, File.ReadAllBytes(temp.File("run/model.safetensors")));
        Assert.Single(Directory.GetFiles(temp.File("run/checkpoints")));
    }

    /// <summary>As sessions and supervisors send them at a shutdown.</summary>
    [Theory]
    [InlineData("TERM", "HUP", 143)]
    [InlineData("HUP", "HUP", 129)]
    public void Signals_that_come_together_count_as_one(string first, string second, int expected)
    {
        if (OperatingSystem.IsWindows())
            return;
        int code = Shell($"{Command("run", steps: 1_000_000, "checkpoint_every=1000000")} & p=$!; while [ ! -s {temp.File("run/metrics.csv")} ]; do sleep 0.05; done; sleep 0.2; kill -{first} $p; sleep 0.01; kill -{second} $p; wait $p");
        Assert.Equal(expected, code);
        Assert.Single(Directory.GetFiles(temp.File("run/checkpoints")));
    }

    [Theory]
    [InlineData("samples")]
    [InlineData("loss.png")]
    public void A_picture_that_cannot_be_written_is_said_and_ends_nothing(string name)
    {
        Directory.CreateDirectory(temp.File("run"));
        if (name == "samples")
            File.WriteAllText(temp.File("run/samples"), "");
        else
            Directory.CreateDirectory(temp.File("run/loss.png"));
        Run([.. Arguments("run", steps: 4), "sample_every=2"]);
        Assert.Contains("cannot be written", File.ReadAllText(temp.File("run/run.log")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train --objective trigflow --preset demo --data synthetic --dry-run")]
    [InlineData("doctor")]
    public void A_result_that_could_not_be_printed_is_no_success(string command)
    {
        if (OperatingSystem.IsLinux())
            Assert.Equal(1, Shell($"{string.Join(' ', TrigflowProcess.CommandOf(command.Split(' ')))} >/dev/full"));
    }

    [Fact]
    public void A_run_is_resumed_from_any_folder()
    {
        string[] arguments = [.. Arguments("run", steps: 2)];
        arguments[Array.IndexOf(arguments, "--data") + 1] = "data_batch_1.bin";
        Assert.Equal(0, Shell($"cd {temp.Path} && {string.Join(' ', TrigflowProcess.CommandOf(arguments))}"));
        Run("train", "--resume", temp.File("run"), "--images", "16", "--device", "cpu");
    }

    [Fact]
    public void A_finished_run_whose_model_is_gone_writes_it_again()
    {
        Run(Arguments("run", steps: 4));
        byte[] model = File.ReadAllBytes(temp.File("run/model.safetensors"));
        File.Delete(temp.File("run/model.safetensors"));
        File.Delete(temp.File("run/loss.png"));
        Run("train", "--resume", temp.File("run"), "--device", "cpu");
        Assert.Equal(model, File.ReadAllBytes(temp.File("run/model.safetensors")));
        Assert.True(File.Exists(temp.File("run/loss.png")));
    }

    [Fact]
    public void A_run_is_resumed_by_its_folder_and_repeated_by_its_configuration()
    {
        Run(Arguments("whole", steps: 4));
        Run(Arguments("run", steps: 2));
        Run("train", "--resume", temp.File("run"), "--images", "16", "--device", "cpu");
        Run("train", "--config", temp.File("run/config.json"), "--out", temp.File("again"), "--device", "cpu");
        byte[] expected = File.ReadAllBytes(temp.File("whole/model.safetensors"));
        Assert.Equal(expected, File.ReadAllBytes(temp.File("run/model.safetensors")));
        Assert.Equal(expected, File.ReadAllBytes(temp.File("again/model.safetensors")));
    }

    [Theory]
    [InlineData("config.json", "config.json: no such file, but there are training states")]
    [InlineData("checkpoints", "holds a model.safetensors but no training state")]
    public void A_run_of_which_a_part_is_gone_is_not_begun_anew(string part, string reason)
    {
        Run(Arguments("run", steps: 2));
        Directory.Move(temp.File("run/" + part), temp.File("taken"));
        SortedDictionary<string, byte[]> before = temp.Contents();
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(Arguments("run", steps: 4));
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Contains(reason, outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(before, temp.Contents());
    }

    public void Dispose() => temp.Dispose();

    private static void Run(params string[] arguments)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
    }

    private string[] Arguments(string run, int steps) =>
    [
        "train", "--objective", "trigflow", "--data", data, "--preset", "demo", "--out", temp.File(run), "--device", "cpu", "--batch", "4", "--images", $"{4 * steps}",
        "--set", "img_resolution=8", "model_channels=8", "channel_mult=[1,2]", "attn_resolutions=[4]", "checkpoint_every=20", "log_every=2",
    ];

    private string Command(string run, int steps, params string[] further) => string.Join(' ', TrigflowProcess.CommandOf([.. Arguments(run, steps), .. further]));

    private static int Shell(string script)
    {
        using Process shell = Process.Start(new ProcessStartInfo("bash", ["-c", script]))!;
        if (!shell.WaitForExit(TimeSpan.FromMinutes(1)))
        {
            shell.Kill(entireProcessTree: true);
            Assert.Fail($"{script} did not end");
        }

        return shell.ExitCode;
    }
}

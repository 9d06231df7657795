using TrigFlowNative.Benchmarks.Endurance;
using TrigFlowNative.Benchmarks.Processes;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The real program loses nothing in a few kills, two hundred with the verb; a planted one that does is found.</summary>
public sealed class KillTrialTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly StringWriter told = new();

    [Fact]
    public void A_training_that_is_killed_loses_no_bit()
    {
        var command = new TrainingCommand(ChildProgram.Trigflow(null), "trigflow", "cpu", TrainingCommand.WriteData(folder.Path), Steps: 16);
        Assert.True(new KillTrial([command], Runs(), told).Run(wanted: 3, seed: 4, DateTime.MaxValue).IsSound, told.ToString());
        Assert.Matches(@"\| cpu +\| trigflow +\| +3 \|", told.ToString());
    }

    /// <summary>The program writes another weight if its folder is there already.</summary>
    [Theory]
    [InlineData("forgets", false)]
    [InlineData("remembers", true)]
    public void A_program_that_forgets_is_found(string kind, bool sound)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the script is for a POSIX shell");
        foreach ((string name, float value) in (IEnumerable<(string, float)>)[("first", 1), ("second", kind == "forgets" ? 2 : 1)])
        {
            var writer = new SafetensorsWriter();
            writer.Add("w", [1], (ReadOnlyMemory<float>)(float[])[value]);
            writer.Save(folder.File(name));
        }

        File.WriteAllText(folder.File("train.sh"), $"""
            while [ "$1" != --out ]; do shift; done
            [ -d "$2" ] && from=second || from=first
            mkdir -p "$2/checkpoints"
            echo step > "$2/metrics.csv"
            sleep 0.3
            cp {folder.Path}/$from "$2/model.safetensors"
            """);
        var command = new TrainingCommand(new ChildProgram("sh", [folder.File("train.sh")]), "planted", "cpu", "none", Steps: 1);
        Assert.Equal(sound, new KillTrial([command], Runs(), told).Run(wanted: 2, seed: 2, DateTime.MaxValue).IsSound);
        Assert.Equal(!sound, told.ToString().Contains("w differs in", StringComparison.Ordinal));
    }

    [Fact]
    public void Moments_lie_in_the_life_of_a_run_and_in_its_writes()
    {
        var random = new Random(1);
        KillMoment[] moments = [.. Enumerable.Range(0, 1000).Select(_ => KillMoment.Draw(random, life: 20))];
        Assert.All(moments, each => Assert.InRange(each.Seconds, 0, each.Write > 0 ? 0.01 : 20));
        Assert.InRange(moments.Count(each => each.Write > 0), 300, 500);
        Assert.InRange(moments.Count(each => each is { Write: 0, Seconds: < 2 }), 100, 300);
        Assert.Contains(moments, each => each.Seconds > 19);
        Assert.Equal(12, moments.Where(each => each.Write > 0).Select(each => each.Write).Distinct().Count());
    }

    public void Dispose() => folder.Dispose();

    private string Runs() => Directory.CreateDirectory(folder.File("runs")).FullName;
}

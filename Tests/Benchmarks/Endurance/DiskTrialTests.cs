using TrigFlowNative.Benchmarks.Endurance;
using TrigFlowNative.Benchmarks.Processes;
using TrigFlowNative.Training;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Full disks, where a small file system can be mounted: the program continues when there is room, and a planted one that does not is found.</summary>
public sealed class DiskTrialTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly StringWriter told = new();

    [Fact]
    public void A_training_that_met_a_full_disk_continues_with_room()
    {
        RequireMount();
        var command = new TrainingCommand(ChildProgram.Trigflow(null), "trigflow", "cpu", TrainingCommand.WriteData(folder.Path), Steps: 16);
        Assert.True(new DiskTrial(command, Runs(), quick: true, told).Run(DateTime.MaxValue).IsSound, told.ToString());
        Assert.Contains("checkpoints/step-N.safetensors", told.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exit 3", "exit code 3, expected 2")]
    [InlineData("echo 'trigflow: No space left on device' >&2; exit 2", "expected 2 and a line with file and reason")]
    public void A_program_that_does_not_say_what_is_full_is_found(string ending, string fault)
    {
        RequireMount();
        File.WriteAllText(folder.File("train.sh"), $$"""
            while [ "$1" != --out ]; do shift; done
            mkdir -p "$2"
            echo step > "$2/metrics.csv"
            head -c 100000 /dev/zero > "$2/large" || { {{ending}}; }
            """);
        var command = new TrainingCommand(new ChildProgram("sh", [folder.File("train.sh")]), "planted", "cpu", "none", Steps: 1);
        Assert.False(new DiskTrial(command, Runs(), quick: true, told).Run(DateTime.MaxValue).IsSound);
        Assert.Contains(fault, told.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private string Runs() => Directory.CreateDirectory(folder.File("runs")).FullName;

    private void RequireMount()
    {
        string path = Directory.CreateDirectory(folder.File("mount")).FullName;
        try
        {
            SmallFileSystem.Mount(path, Room.Ample).Dispose();
        }
        catch (UsageException e)
        {
            Assert.Skip(e.Message);
        }
    }
}

using TrigFlowNative.Benchmarks.Cli;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The verb as a person uses it.</summary>
public sealed class EndureCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly StringWriter told = new();

    [Fact]
    public void Mutants_are_read_in_processes_of_their_own()
    {
        Assert.Equal(0, Run("endure mutate --formats idx kernel-cache --mutants 60 --out {0}/out"));
        Assert.Matches(@"\| idx +\| +60 \|", told.ToString());
        Assert.Matches(@"\| kernel-cache +\| +60 \|", told.ToString());
        Assert.Equal(60 * 2, File.ReadLines(folder.File("out/mutate/idx.log")).Count());
        Assert.False(Directory.Exists(folder.File("out/mutate/idx.log.work")));
    }

    [Theory]
    [InlineData("endure mutate --formats gif --out {0}/out", "there is no format 'gif'")]
    [InlineData("endure kill --trigflow {0}/nowhere --out {0}/out", "nowhere does not exist")]
    [InlineData("endure kill --steps 0 --out {0}/out", "--steps is at least 1")]
    [InlineData("endure mutate --seconds 0 --out {0}/out", "--seconds is above 0")]
    [InlineData("endure mutate --minutes -1 --out {0}/out", "--minutes is above 0")]
    [InlineData("endure mutate --mutants 0 --out {0}/out", "--mutants is at least 1")]
    [InlineData("endure kill --kills 0 --out {0}/out", "--kills is at least 1")]
    [InlineData("endure kill --objectives nonsense --out {0}/out", "an uninterrupted run ended with 2")]
    public void Bad_input_ends_with_code_2_and_a_line(string command, string reason)
    {
        Assert.Equal(2, Run(command));
        Assert.Contains(reason, told.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Logs_of_an_earlier_trial_are_not_overwritten()
    {
        Directory.CreateDirectory(folder.File("out/mutate"));
        Assert.Equal(2, Run("endure mutate --formats idx --mutants 5 --out {0}/out"));
        Assert.Contains("choose another folder", told.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private int Run(string command)
    {
        (TextWriter output, TextWriter errors) = (Console.Out, Console.Error);
        Console.SetOut(told);
        Console.SetError(told);
        try
        {
            return Verbs.Run(command.Replace("{0}", folder.Path, StringComparison.Ordinal).Split(' '));
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }
}

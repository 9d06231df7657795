using System.Diagnostics;
using TrigFlowNative.Benchmarks.Endurance;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>A process that dies or hangs is counted with the mutant that it was reading, and another one goes on behind it. Shell scripts stand for readers.</summary>
public sealed class MutantSupervisorTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void The_death_of_a_process_is_the_fault_of_the_mutant_that_it_read()
    {
        IReadOnlyList<MutantResult> results = Run("[ $i = 3 ] && { echo 'Stack overflow.' >&2; kill -9 $$; }", count: 6);
        Assert.Equal([0, 1, 2, 3, 4, 5], results.Select(each => each.Index));
        MutantResult fault = Assert.Single(results, each => each.Outcome == MutantOutcome.Crashed);
        Assert.Equal((3, "the process ended with 137: Stack overflow."), (fault.Index, fault.Message));
    }

    [Fact]
    public void A_process_that_hangs_is_killed()
    {
        var clock = Stopwatch.StartNew();
        IReadOnlyList<MutantResult> results = Run("[ $i = 1 ] && sleep 100", count: 3, seconds: 0.05);
        Assert.Equal([MutantOutcome.Refused, MutantOutcome.TooSlow, MutantOutcome.Refused], results.Select(each => each.Outcome));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.5, 60);
    }

    [Fact]
    public void A_format_that_kills_every_process_is_given_up()
    {
        IReadOnlyList<MutantResult> results = Run("exit 7", count: 1000);
        Assert.InRange(results.Count, 10, 100);
        Assert.All(results, each => Assert.Equal(MutantOutcome.Crashed, each.Outcome));
    }

    [Fact]
    public void A_process_that_does_not_start_to_read_is_no_mutant_s_fault()
    {
        Skip();
        var supervisor = new MutantSupervisor((_, _, _) => Shell("echo broken >&2; exit 1"), 1);
        Assert.Contains("broken", Assert.Throws<InvalidOperationException>(() => supervisor.Run(5, folder.File("log"), DateTime.MaxValue)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_begun_when_the_time_is_up()
    {
        Skip();
        var supervisor = new MutantSupervisor((_, _, _) => throw new InvalidOperationException("started"), 1);
        Assert.Empty(supervisor.Run(5, folder.File("log"), DateTime.UtcNow.AddSeconds(-1)));
    }

    public void Dispose() => folder.Dispose();

    /// <summary>Runs readers that do something between the two lines of each mutant.</summary>
    private IReadOnlyList<MutantResult> Run(string between, long count, double seconds = 10)
    {
        Skip();
        var supervisor = new MutantSupervisor(
            (first, left, log) => Shell($"for i in $(seq {first} {first + left - 1}); do echo read $i >>{log}; {between}; echo done $i Refused 1.0 1.0 no >>{log}; done"), seconds);
        return supervisor.Run(count, folder.File("log"), DateTime.MaxValue);
    }

    private static ProcessStartInfo Shell(string script) => new("sh", ["-c", script]) { RedirectStandardError = true, RedirectStandardInput = true, RedirectStandardOutput = true };

    private static void Skip() => Assert.SkipWhen(OperatingSystem.IsWindows(), "the scripts are for a POSIX shell");
}

using System.Diagnostics;
using Xunit;

namespace TrigFlowNative.Tests.Architecture;

/// <summary>The script by which the end of a build's log says what failed.</summary>
public sealed class FailedTestsScriptTests : IDisposable
{
    private const string Results = """
        <TestRun>
          <Results>
            <UnitTestResult testName="Rooms.Passes" outcome="Passed" />
            <UnitTestResult testName="Rooms.Skipped" outcome="NotExecuted">
              <Output>
                <ErrorInfo>
                  <Message>no GPU</Message>
                </ErrorInfo>
              </Output>
            </UnitTestResult>
            <UnitTestResult testName="Rooms.First(text: &quot;a &lt; b &amp;amp; outcome=\&quot;&quot;)" outcome="Failed">
              <Output>
                <StdOut>not this</StdOut>
                <ErrorInfo>
                  <Message>Expected: 1&#xD;
        Actual:   &lt;2&gt;</Message>
                  <StackTrace>   at Rooms.First() in Rooms.cs:line 3
           at Caller()</StackTrace>
                </ErrorInfo>
              </Output>
            </UnitTestResult>
            <UnitTestResult testName="Rooms.Second" outcome="Failed">
              <Output>
                <ErrorInfo>
                  <Message>in one line</Message>
                </ErrorInfo>
              </Output>
            </UnitTestResult>
          </Results>
          <RunInfos>
            <RunInfo outcome="Error"><Text>[xUnit.net 00:00:09.65]     Rooms.First [FAIL]</Text></RunInfo>
            <RunInfo outcome="Warning"><Text>[xUnit.net 00:00:09.66]     Rooms.Skipped [SKIP]</Text></RunInfo>
            <RunInfo outcome="Error"><Text>Test host process crashed : out of memory</Text></RunInfo>
          </RunInfos>
        </TestRun>
        """;

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Every_failure_is_told_with_its_message_and_stack_and_nothing_else_is()
    {
        Assert.Equal(
        [
            "failed: Rooms.First(text: \"a < b &amp; outcome=\\\"\")",
            "    Expected: 1",
            "    Actual:   <2>",
            "       at Rooms.First() in Rooms.cs:line 3",
            "       at Caller()",
            "failed: Rooms.Second",
            "    in one line",
            "the run reports:",
            "    Test host process crashed : out of memory",
        ],
        Run(detailed: 20));
    }

    [Fact]
    public void Of_many_failures_all_names_are_told()
    {
        string[] lines = Run(detailed: 1);
        Assert.Contains("    Expected: 1", lines);
        Assert.Contains("failed: Rooms.Second", lines);
        Assert.DoesNotContain("    in one line", lines);
    }

    public void Dispose() => folder.Dispose();

    private string[] Run(int detailed)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the script is for bash");
        string results = Path.Combine(folder.Path, "tests.trx");
        File.WriteAllText(results, Results);
        var start = new ProcessStartInfo("bash", [Path.Combine(ArchitectureTests.Root, ".ci", "failed-tests"), results]) { RedirectStandardOutput = true };
        start.Environment["DETAILED"] = $"{detailed}";
        using Process process = Process.Start(start)!;
        string printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return printed.TrimEnd('\n').Split('\n');
    }
}

using System.Runtime.CompilerServices;
using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The example of CONTRIBUTING.md compiles, is right on every device, and equals the text.</summary>
public class ExampleTests
{
    public static TheoryData<string> Devices => TestDevices.All;

    [Theory]
    [MemberData(nameof(Devices))]
    public void The_example_is_checked_and_timed(string device)
    {
        ComputeDevice opened = TestDevices.Get(device);
        using var bench = new KernelBench(opened, new HostClock(opened), new Ceilings(1e12, 1e12));
        BenchmarkRow row = bench.Run(new DoublingCase(5000));
        Assert.True(row is { Verdict: BenchmarkRow.Right, Error: 0, Microseconds: > 0, Bytes: 40_000, BoundBy: "memory" }, $"{row}");
    }

    [Fact]
    public void The_text_shows_the_file_as_it_is()
    {
        string root = Root(), source = File.ReadAllText(Path.Combine(root, "Tests", "Benchmarks", "Bench", "DoublingCase.cs"));
        string shown = source[source.IndexOf("/// <summary>", StringComparison.Ordinal)..].TrimEnd();
        Assert.Contains(shown, File.ReadAllText(Path.Combine(root, "CONTRIBUTING.md")), StringComparison.Ordinal);
    }

    private static string Root([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", ".."));
}

using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The machine in one line, and the rate of its copies.</summary>
public class MachineTests
{
    [Fact]
    public void A_machine_is_described_in_one_line()
    {
        var machine = Machine.Now();
        Assert.Matches(@"^[^\n]+, \d+ logical processors, (128|256|512)-bit vectors, \d+ GiB, [^\n]+, \.NET 10[^\n]*, commit \S+$", machine.Description);
        Assert.True(machine.Load is >= 0 || !OperatingSystem.IsLinux());
    }

    [Theory]
    [InlineData("0.1.0+a717020f00d0", "a717020f00")]
    [InlineData("0.1.0", "unknown")]
    [InlineData(null, "unknown")]
    public void The_commit_is_that_of_the_build(string? version, string commit) => Assert.Equal(commit, Machine.CommitOf(version));

    [Fact]
    public void A_processor_is_named_as_the_system_names_it()
    {
        Assert.Equal("Some CPU @ 2: 3 GHz", Machine.ValueOf("processor\t: 0\nmodel name\t: Some CPU @ 2: 3 GHz\nmodel name\t: other\n", "model name"));
        Assert.Null(Machine.ValueOf("processor : 0\n", "model name"));
    }

    [Fact]
    public void Copies_of_few_bytes_are_not_slower_than_those_in_memory()
    {
        using var cpu = new CpuDevice();
        double[] small = [.. Enumerable.Range(0, 3).Select(_ => CopyPeak.Measure(cpu, 1 << 17))], large = [.. Enumerable.Range(0, 3).Select(_ => CopyPeak.Measure(cpu, CopyPeak.MemoryBytes))];
        Assert.True(large.Max() > 1e8 && small.Max() > large.Min(), $"{small.Max():G3} {large.Min():G3}");
    }
}

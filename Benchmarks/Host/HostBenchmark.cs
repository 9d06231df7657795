using BenchmarkDotNet.Attributes;

namespace TrigFlowNative.Benchmarks.Host;

/// <summary>What BenchmarkDotNet sees: one benchmark, with the cases as the values of its parameter.</summary>
public class HostBenchmark
{
    /// <summary>The cases of the run at hand; BenchmarkDotNet asks a static member for them.</summary>
    internal static IReadOnlyList<HostRun> Runs { get; set; } = [];

    /// <summary>The cases, boxed: the type is the suite's own business.</summary>
    public static IEnumerable<object> Cases => Runs;

    /// <summary>The case at hand.</summary>
    [ParamsSource(nameof(Cases))]
    public object Case { get; set; } = null!;

    /// <summary>Prepares and checks the case.</summary>
    [GlobalSetup]
    public void Prepare() => ((HostRun)Case).Prepare();

    /// <summary>Runs it once.</summary>
    [Benchmark]
    public void Run() => ((HostRun)Case).Run();

    /// <summary>Releases it.</summary>
    [GlobalCleanup]
    public void Release() => ((HostRun)Case).Release();
}

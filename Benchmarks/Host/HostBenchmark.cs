using BenchmarkDotNet.Attributes;

namespace TrigFlowNative.Benchmarks.Host;

/// <summary>The class that BenchmarkDotNet runs: one benchmark, whose parameter takes the cases as its values.</summary>
public class HostBenchmark
{
    /// <summary>The cases of the current run; static, since BenchmarkDotNet reads them before it creates an instance.</summary>
    internal static IReadOnlyList<HostRun> Runs { get; set; } = [];

    /// <summary>The cases as objects, since their type is internal.</summary>
    public static IEnumerable<object> Cases => Runs;

    /// <summary>The current case.</summary>
    [ParamsSource(nameof(Cases))]
    public object Case { get; set; } = null!;

    /// <summary>Prepares and checks the case.</summary>
    [GlobalSetup]
    public void Prepare() => ((HostRun)Case).Prepare();

    /// <summary>Runs the case once.</summary>
    [Benchmark]
    public void Run() => ((HostRun)Case).Run();

    /// <summary>Checks and releases the case.</summary>
    [GlobalCleanup]
    public void Release() => ((HostRun)Case).Release();
}

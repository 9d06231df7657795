using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using Xunit;

[assembly: CollectionBehavior(DisableTestParallelization = true)] // ops use all cores, and timing tests want them alone

namespace TrigFlowNative.Tests;

/// <summary>
/// The devices every op is tested on. Without an NVIDIA GPU the rows for cuda show as skipped, with the reason. The environment
/// variable <see cref="Variable"/> names the devices that are wanted, separated by commas: under compute-sanitizer cuda alone.
/// </summary>
public static class TestDevices
{
    private const string Variable = "TRIGFLOW_TEST_DEVICES";

    private static readonly Dictionary<string, ComputeDevice> Open = [];

    private static readonly string[]? Wanted = Environment.GetEnvironmentVariable(Variable)?.Split(',', StringSplitOptions.TrimEntries);

    private static readonly string? WhyNoGpu = CudaLibrary.WhyUnavailable();

    /// <summary>cpu, simulator and cuda.</summary>
    public static TheoryData<string> All => Rows("cpu", "simulator", "cuda");

    /// <summary>cpu and cuda, for tests that are too slow on the simulator.</summary>
    public static TheoryData<string> Fast => Rows("cpu", "cuda");

    /// <summary>cuda alone.</summary>
    public static TheoryData<string> Gpu => Rows("cuda");

    /// <summary>One device of each name for the whole test run: starting an accelerator is expensive.</summary>
    public static ComputeDevice Get(string name)
    {
        if (!Open.TryGetValue(name, out ComputeDevice? device))
            Open[name] = device = ComputeDevice.Open(name);
        return device;
    }

    /// <summary>Crosses device names with further arguments; rows for cuda are skipped without a GPU.</summary>
    public static IEnumerable<TheoryDataRow<string, T>> Cross<T>(IEnumerable<string> names, IEnumerable<T> cases) =>
        from name in names
        from each in cases
        select new TheoryDataRow<string, T>(name, each) { Skip = SkipReason(name) };

    private static string? SkipReason(string name) =>
        Wanted?.Contains(name) == false ? $"not among the devices of {Variable}"
        : name == "cuda" && WhyNoGpu is not null ? $"no CUDA device: {WhyNoGpu}"
        : null;

    private static TheoryData<string> Rows(params string[] names)
    {
        var data = new TheoryData<string>();
        foreach (string name in names)
            data.Add(new TheoryDataRow<string>(name) { Skip = SkipReason(name) });
        return data;
    }
}

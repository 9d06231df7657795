using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>One line of resources.csv: what a kernel with inline PTX takes of a multiprocessor, as the driver says.</summary>
internal sealed record KernelResources
{
    [Name("kernel")]
    public string Kernel { get; init; } = "";

    [Name("threads")]
    public int Threads { get; init; }

    [Name("registers")]
    public int Registers { get; init; }

    /// <summary>Spills and arrays of a thread.</summary>
    [Name("local_bytes")]
    public int LocalBytes { get; init; }

    [Name("shared_bytes")]
    public int SharedBytes { get; init; }

    [Name("cluster")]
    public int Cluster { get; init; }

    /// <summary>Every kernel with inline PTX that the device has loaded so far.</summary>
    public static IReadOnlyList<KernelResources> Of(ComputeDevice device) => device is not GpuDevice gpu ? [] :
    [
        .. gpu.Attached<PtxKernels>().ByKey.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => new KernelResources
        {
            Kernel = entry.Key,
            Threads = entry.Value.Spec.Threads,
            Registers = entry.Value.RegisterCount,
            LocalBytes = entry.Value.LocalMemoryBytes,
            SharedBytes = entry.Value.Spec.SharedBytes,
            Cluster = entry.Value.Spec.Cluster,
        }),
    ];
}

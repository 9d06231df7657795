using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>A line of resources.csv: the resources of a kernel with inline PTX, as the driver reports them.</summary>
internal sealed record KernelResources
{
    [Name("kernel")]
    public string Kernel { get; init; } = "";

    [Name("threads")]
    public int Threads { get; init; }

    [Name("registers")]
    public int Registers { get; init; }

    /// <summary>Local memory of a thread in bytes, which holds spills and arrays.</summary>
    [Name("local_bytes")]
    public int LocalBytes { get; init; }

    [Name("shared_bytes")]
    public int SharedBytes { get; init; }

    [Name("cluster")]
    public int Cluster { get; init; }

    /// <summary>The kernels with inline PTX that a device has loaded so far, by name.</summary>
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

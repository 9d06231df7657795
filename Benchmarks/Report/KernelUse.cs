using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>
/// What the kernels that a piece of work launches take of a multiprocessor, as the driver says. Kernels with inline PTX alone: ILGPU
/// launches the others itself, and does not say which.
/// </summary>
/// <param name="Names">Each kernel once, in the order of the launches.</param>
/// <param name="Registers">Registers of a thread, the most of all.</param>
/// <param name="SpillBytes">Local memory of a thread, the most of all.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block, the most of all.</param>
/// <param name="OccupancyPercent">Threads that a multiprocessor holds of the kernel with the most registers, as a share of those it has room for.</param>
internal sealed record KernelUse(IReadOnlyList<string> Names, int Registers, int SpillBytes, int SharedBytes, double OccupancyPercent)
{
    /// <summary>Does the work and watches; null where no kernel with inline PTX was launched.</summary>
    public static KernelUse? Of(ComputeDevice device, Action work)
    {
        if (device is not GpuDevice { IsCuda: true } gpu)
            return null;
        var launched = new List<PtxKernel>();
        gpu.Launched = launched.Add;
        try
        {
            work();
        }
        finally
        {
            gpu.Launched = null;
        }

        return launched.MaxBy(kernel => kernel.RegisterCount) is not { } largest ? null : new KernelUse(
            [.. launched.Select(Name).Distinct()], largest.RegisterCount, launched.Max(kernel => kernel.LocalMemoryBytes), launched.Max(kernel => kernel.Spec.SharedBytes),
            100.0 * largest.ResidentBlocks * largest.Spec.Threads / gpu.ThreadsPerMultiprocessor);
    }

    private static string Name(PtxKernel kernel) => kernel.Spec.Variant.Length > 0 ? $"{kernel.Spec.Method.Name} {kernel.Spec.Variant}" : kernel.Spec.Method.Name;
}

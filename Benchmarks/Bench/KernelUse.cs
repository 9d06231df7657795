using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Benchmarks;

/// <summary>Resources of the kernels that an action launches, as the driver reports them.</summary>
/// <param name="Names">Names of the kernels, each once, in the order of the launches.</param>
/// <param name="Registers">Registers of a thread, the maximum over the kernels.</param>
/// <param name="SpillBytes">Local memory of a thread in bytes, the maximum over the kernels.</param>
/// <param name="SharedBytes">Shared memory of a block in bytes, the maximum over the kernels.</param>
/// <param name="OccupancyPercent">Resident threads on a multiprocessor, for the kernel with the most registers, in percent of the maximum.</param>
internal sealed record KernelUse(IReadOnlyList<string> Names, int Registers, int SpillBytes, int SharedBytes, double OccupancyPercent)
{
    /// <summary>
    /// Captures the launches of an action without running it. Null if it launches no kernel, the device is not an NVIDIA GPU, or the driver is too old to report.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="work">Action that has run before, so that its kernels are loaded.</param>
    public static KernelUse? Of(ComputeDevice device, Action work)
    {
        if (device is not GpuDevice { IsCuda: true } gpu)
            return null;
        IReadOnlyList<CapturedKernel> launched;
        try
        {
            launched = CapturedKernel.Of(gpu, work);
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }

        return launched.MaxBy(kernel => kernel.Registers) is not { } largest ? null : new KernelUse(
            [.. launched.Select(kernel => kernel.Name).Distinct()], largest.Registers, launched.Max(kernel => kernel.LocalBytes), launched.Max(kernel => kernel.SharedBytes),
            100.0 * largest.ResidentBlocks * largest.Threads / gpu.ThreadsPerMultiprocessor);
    }
}

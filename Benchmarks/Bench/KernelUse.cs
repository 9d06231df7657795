using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Benchmarks;

/// <summary>What the kernels that a piece of work launches take of a multiprocessor, as the driver says.</summary>
/// <param name="Names">Each kernel once, in the order of the launches.</param>
/// <param name="Registers">Registers of a thread, the most of all.</param>
/// <param name="SpillBytes">Local memory of a thread, the most of all.</param>
/// <param name="SharedBytes">Shared memory of a block, the most of all.</param>
/// <param name="OccupancyPercent">Threads that a multiprocessor holds of the kernel with the most registers, as a share of those it has room for.</param>
internal sealed record KernelUse(IReadOnlyList<string> Names, int Registers, int SpillBytes, int SharedBytes, double OccupancyPercent)
{
    /// <summary>Looks at what the work launches, without running it; it must have run before. Null where no kernel is launched on an NVIDIA GPU, or its driver is too old to tell.</summary>
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

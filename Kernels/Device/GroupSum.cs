using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Algorithms.ScanReduceOperations;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Sums over a thread group, in float64, in the fixed order of a binary tree.</summary>
/// <remarks>
/// ILGPU's own sum over a group (GroupExtensions.AllReduce) adds by atomics, in any order. Its sum over a warp exchanges values between lanes, in
/// the order of the tree, and spares a barrier for each level.
/// </remarks>
public static class GroupSum
{
    /// <summary>Most threads that a group may have.</summary>
    public const int MaxGroup = 256;

    /// <summary>Returns to every thread the sum of all threads' values; it is a barrier too.</summary>
    /// <param name="value">The calling thread's value. All threads of the group must call, in a group of one dimension whose size is a power of two, at least a warp and at most <see cref="MaxGroup"/>.</param>
    public static double Of(double value)
    {
        ArrayView<double> shared = SharedMemory.Allocate<double>(MaxGroup);
        shared[Group.IdxX] = value;
        Group.Barrier();
        for (int half = Group.DimX / 2; half >= Warp.WarpSize; half /= 2)
        {
            if (Group.IdxX < half)
                shared[Group.IdxX] += shared[Group.IdxX + half];
            Group.Barrier();
        }

        double sum = WarpExtensions.AllReduce<double, AddDouble>(shared[Warp.LaneIdx]); // each warp for itself, with the same result
        Group.Barrier(); // nobody may start the next sum while another still reads this one
        return sum;
    }
}

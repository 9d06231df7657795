using ILGPU;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Sums over a thread group, in float64, in the fixed order of a binary tree.</summary>
internal static class GroupSum
{
    private const int MaxGroup = 256;

    /// <summary>The sum of every thread's value, in every thread. All threads of the group must call it; the group is a power of two.</summary>
    public static double Of(double value)
    {
        ArrayView<double> shared = SharedMemory.Allocate<double>(MaxGroup);
        shared[Group.IdxX] = value;
        Group.Barrier();
        for (int half = Group.DimX / 2; half > 0; half /= 2)
        {
            if (Group.IdxX < half)
                shared[Group.IdxX] += shared[Group.IdxX + half];
            Group.Barrier();
        }

        double sum = shared[0];
        Group.Barrier(); // nobody may start the next sum while another still reads this one
        return sum;
    }
}

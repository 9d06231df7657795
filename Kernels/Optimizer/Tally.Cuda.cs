using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, one group adds all values.</summary>
public static partial class Tally
{
    internal static void IntoKernel(ArrayView<float> x, ArrayView<double> sums, int count)
    {
        double partial = 0;
        int finite = 0;
        for (int i = Group.IdxX; i < count; i += Group.DimX)
        {
            float value = x[i];
            if (!FloatBits.IsFinite(value))
                continue;
            partial += value;
            finite++;
        }

        double sum = GroupSum.Of(partial);
        double total = GroupSum.Of(finite);
        if (Group.IdxX != 0)
            return;
        sums[0] += sum;
        sums[1] += total;
        sums[2] += count - total;
    }

    private static Action IntoGpu(GpuDevice gpu, Tensor x, Tensor sums)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<double>, int>(IntoKernel);
        return () => kernel(gpu.Stream, new KernelConfig(1, gpu.ReductionGroup), x.View, sums.ViewOf<double>(), x.Count);
    }
}

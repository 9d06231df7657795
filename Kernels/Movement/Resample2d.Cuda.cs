using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// On a GPU, each thread takes one coarse pack: it reads one pack and writes four, or reads four and writes one. Kernels count channels
/// in packs.
/// </summary>
public static partial class Resample2d
{
    internal static void SpreadKernel<TPack>(
        Index1D i, ArrayView<TPack> coarse, ArrayView<TPack> fine, int width, int channels, float scale, int add)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 value = scale * TPack.Widen(coarse[i]);
        int upper = UpperLeft(i, width, channels);
        int lower = upper + 2 * width * channels;
        if (add != 0)
        {
            // All loads precede the first store, since the compiler must assume that a store changes the values they read.
            Float8 first = TPack.Widen(fine[upper]), second = TPack.Widen(fine[upper + channels]);
            Float8 third = TPack.Widen(fine[lower]), fourth = TPack.Widen(fine[lower + channels]);
            fine[upper] = TPack.Narrow(first + value);
            fine[upper + channels] = TPack.Narrow(second + value);
            fine[lower] = TPack.Narrow(third + value);
            fine[lower + channels] = TPack.Narrow(fourth + value);
        }
        else
        {
            TPack pack = TPack.Narrow(value);
            fine[upper] = pack;
            fine[upper + channels] = pack;
            fine[lower] = pack;
            fine[lower + channels] = pack;
        }
    }

    internal static void GatherKernel<TPack>(
        Index1D i, ArrayView<TPack> fine, ArrayView<TPack> coarse, int width, int channels, float scale, int add)
        where TPack : unmanaged, IPack<TPack>
    {
        int upper = UpperLeft(i, width, channels);
        int lower = upper + 2 * width * channels;
        Float8 sum = TPack.Widen(fine[upper]) + TPack.Widen(fine[upper + channels])
            + (TPack.Widen(fine[lower]) + TPack.Widen(fine[lower + channels]));
        Float8 value = scale * sum;
        coarse[i] = TPack.Narrow(add != 0 ? TPack.Widen(coarse[i]) + value : value);
    }

    private static Action SpreadGpu(GpuDevice gpu, Tensor coarse, GradientSlot fine, float scale) =>
        Packs.Load(coarse.Type, coarse.Shape.C, new SpreadLaunch(gpu, coarse, fine, scale));

    private static Action GatherGpu(GpuDevice gpu, Tensor fine, GradientSlot coarse, float scale) =>
        Packs.Load(fine.Type, fine.Shape.C, new GatherLaunch(gpu, fine, coarse, scale));

    /// <summary>
    /// Index of the first of the four fine packs of coarse pack i. Coarse row r, counted over all N H rows, has the fine rows
    /// 2r and 2r + 1, so that neither the image's index nor its height matters.
    /// </summary>
    private static int UpperLeft(int i, int width, int channels)
    {
        int pixel = i / channels;
        int row = pixel / width;
        int column = pixel - row * width;
        return (4 * row * width + 2 * column) * channels + i - pixel * channels;
    }

    private sealed record SpreadLaunch(GpuDevice Gpu, Tensor Coarse, GradientSlot Fine, float Scale) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<TPack>, ArrayView<TPack>, int, int, float, int>(SpreadKernel);
            return () => kernel(
                Gpu.Stream, (int)Coarse.StoredCount / TPack.Width, Packs.View<TPack>(Coarse), Packs.View<TPack>(Fine.Tensor),
                Coarse.Shape.W, Coarse.Shape.C / TPack.Width, Scale, Fine.Add);
        }
    }

    private sealed record GatherLaunch(GpuDevice Gpu, Tensor Fine, GradientSlot Coarse, float Scale) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<TPack>, ArrayView<TPack>, int, int, float, int>(GatherKernel);
            Tensor target = Coarse.Tensor;
            return () => kernel(
                Gpu.Stream, (int)target.StoredCount / TPack.Width, Packs.View<TPack>(Fine), Packs.View<TPack>(target),
                target.Shape.W, target.Shape.C / TPack.Width, Scale, Coarse.Add);
        }
    }
}

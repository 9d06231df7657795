using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The gradient of a bias: dy, up to 2^18 pixels of fp32 or bf16, is read once, at the speed of memory. First every thread sums the rows lane, lane + lanes,
/// ... of a pack of columns, so that concurrent threads read adjacent memory; then a group sums the lanes of a pack, in the order of a binary tree.
/// </summary>
internal sealed partial class ColumnSum
{
    /// <summary>
    /// Target number of partial sums. With eight columns for each thread it gives 2^16 threads, two groups of 256 for each of an H100's 132
    /// multiprocessors; in fp32 the sums are 2 MiB, which stay in its L2 cache.
    /// </summary>
    private const int PartialSums = 1 << 19;

    /// <summary>Loads that a thread has in flight at a time, and the minimum number of rows for each thread.</summary>
    private const int Flight = 8;

    /// <summary>Threads of a group. Fewer than fit, since few large groups would leave multiprocessors without one.</summary>
    private const int LaneGroup = 256;

    /// <summary>Allocates the partial sums of a (rows, columns) matrix; null on the host, which needs none.</summary>
    public static Tensor? Scratch(ComputeProgram program, int rows, int columns) =>
        program.Device is GpuDevice ? program.Allocate(new Shape(Lanes(rows, columns), columns)) : null;

    /// <summary>The gradient of a bias (C) from dy (..., C), fp32 or bf16.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="dy">Cotangent.</param>
    /// <param name="scratch">Result of <see cref="Scratch"/>.</param>
    /// <param name="dBias">Receives the gradient, in fp32.</param>
    /// <param name="scale">Factor of the gradient.</param>
    public static Action Gradient(GpuDevice gpu, Tensor dy, Tensor? scratch, GradientSlot dBias, float scale = 1) =>
        Packs.Load(dy.Type, dy.Shape.C, new GradientLaunch(gpu, dy, scratch!, dBias, scale));

    /// <param name="i">lane packs + index of the pack within its row.</param>
    /// <param name="dy">(rows, packs).</param>
    /// <param name="partials">(lanes, packs) of fp32.</param>
    /// <param name="packs">Packs of a row.</param>
    /// <param name="count">Packs of all rows.</param>
    /// <param name="stride">Packs of a row times the number of lanes: the distance between the packs of a lane.</param>
    internal static void LaneKernel<TPack>(Index1D i, ArrayView<TPack> dy, ArrayView<float> partials, int packs, int count, int stride)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 even = Float8.All(0f), odd = Float8.All(0f);
        int index = i;
        for (; index < count - (Flight - 1) * stride; index += Flight * stride)
        {
            TPack pack0 = dy[index], pack1 = dy[index + stride], pack2 = dy[index + 2 * stride], pack3 = dy[index + 3 * stride];
            TPack pack4 = dy[index + 4 * stride], pack5 = dy[index + 5 * stride], pack6 = dy[index + 6 * stride], pack7 = dy[index + 7 * stride];
            even += TPack.Widen(pack0) + TPack.Widen(pack2) + (TPack.Widen(pack4) + TPack.Widen(pack6));
            odd += TPack.Widen(pack1) + TPack.Widen(pack3) + (TPack.Widen(pack5) + TPack.Widen(pack7));
        }

        for (; index < count; index += stride)
            even += TPack.Widen(dy[index]);
        TPack.StoreSingles(partials, i, even + odd);
    }

    /// <summary>Sums the lanes of one pack of columns in each group.</summary>
    /// <param name="partials">(lanes, packs) of fp32.</param>
    /// <param name="target">(packs) of fp32.</param>
    /// <param name="packs">Packs of a row.</param>
    /// <param name="count">Packs of all lanes.</param>
    /// <param name="scale">Factor of the sum.</param>
    /// <param name="add">1 to add to the target, 0 to overwrite it.</param>
    internal static void TreeKernel<TPack>(ArrayView<float> partials, ArrayView<float> target, int packs, int count, float scale, int add)
        where TPack : unmanaged, IPack<TPack>
    {
        ArrayView<Float8> shared = SharedMemory.Allocate<Float8>(LaneGroup);
        int thread = Group.IdxX, pack = Grid.IdxX, stride = Group.DimX * packs;
        Float8 even = Float8.All(0f), odd = Float8.All(0f);
        int index = thread * packs + pack;
        for (; index < count - 3 * stride; index += 4 * stride)
        {
            Float8 first = TPack.LoadSingles(partials, index), second = TPack.LoadSingles(partials, index + stride);
            Float8 third = TPack.LoadSingles(partials, index + 2 * stride), fourth = TPack.LoadSingles(partials, index + 3 * stride);
            even += first + third;
            odd += second + fourth;
        }

        for (; index < count; index += stride)
            even += TPack.LoadSingles(partials, index);
        shared[thread] = even + odd;
        Group.Barrier();
        for (int half = Group.DimX / 2; half > 0; half /= 2)
        {
            if (thread < half)
                shared[thread] += shared[thread + half];
            Group.Barrier();
        }

        if (thread != 0)
            return;
        Float8 sum = scale * shared[0];
        TPack.StoreSingles(target, pack, add != 0 ? TPack.LoadSingles(target, pack) + sum : sum);
    }

    private static int Lanes(int rows, int columns) => Math.Clamp(rows / Flight, 1, Math.Max(1, PartialSums / columns));

    private sealed record GradientLaunch(GpuDevice Gpu, Tensor Dy, Tensor Partials, GradientSlot DBias, float Scale) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            int group = Math.Min(LaneGroup, Gpu.Accelerator.MaxNumThreadsPerGroup);
            var sumLanes = Gpu.Accelerator.LoadImplicitlyGroupedKernel<Index1D, ArrayView<TPack>, ArrayView<float>, int, int, int>(LaneKernel, group);
            var sumTree = Gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int, int, float, int>(TreeKernel<TPack>);
            int packs = Dy.Shape.C / TPack.Width, threads = Partials.Count / TPack.Width;
            return () =>
            {
                sumLanes(Gpu.Stream, threads, Packs.View<TPack>(Dy), Partials.View, packs, Dy.Count / TPack.Width, threads);
                sumTree(Gpu.Stream, (packs, Gpu.ReductionGroup), Partials.View, DBias.Tensor.View, packs, threads, Scale, DBias.Add);
            };
        }
    }
}

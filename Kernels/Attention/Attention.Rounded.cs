using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// bf16 storage. Where the GPU has tensor cores and a tiling fits the head, their kernels read and write bf16, wgmma before mma.sync; otherwise the
/// fp32 kernels run between conversions, which is slow and always right. Log-sum-exp and delta are fp32 either way.
/// </summary>
public static partial class Attention
{
    /// <summary>Shared memory of a block on sm_80, for the listing.</summary>
    private const int MmaSharedBytes = 163 << 10;

    /// <summary>Every form of the kernels with inline PTX, at heads of one, two and four chunks of 64 channels.</summary>
    internal static IEnumerable<PtxKernelSpec> Specifications()
    {
        foreach (int depth in (int[])[64, 128, 256])
        {
            foreach (bool second in (bool[])[false, true])
            {
                yield return WgmmaSpec(new WgmmaAttentionTile(depth, second));
                yield return WgmmaSpec(new WgmmaAttentionGradientTile(depth, second));
            }

            AttentionTiling tiling = AttentionTiling.For(MmaSharedBytes, depth, length: 256)!;
            foreach (string kernel in (string[])[nameof(ForwardMma), nameof(TangentMma), nameof(QueryGradientMma), nameof(KeyValueGradientMma)])
                yield return MmaSpec(kernel, tiling);
        }
    }

    internal static void WidenKernel(Index1D i, ArrayView<BFloat16> x, ArrayView<float> y) => y[i] = BFloat16.ToSingle(x[i]);

    internal static void RoundKernel(Index1D i, ArrayView<float> x, ArrayView<BFloat16> y, int add) =>
        y[i] = BFloat16.FromSingle(add != 0 ? BFloat16.ToSingle(y[i]) + x[i] : x[i]);

    private static Tensor ApplyRounded(ComputeProgram program, Tensor qkv, AttentionSizes sizes)
    {
        if (program.Device is not GpuDevice device)
            throw new ArgumentException($"attention: {qkv} is on {program.Device.Name}, but bf16 needs a GPU");
        var shape = new Shape(qkv.Shape.N, qkv.Shape.H, qkv.Shape.W, sizes.Channels);
        Tensor y = program.Allocate(shape, qkv.HasTangent, DType.BFloat16);
        Tensor logSumExp = program.Allocate(new Shape(sizes.Images, sizes.Heads, sizes.Length));
        AttentionTiling? tiling = AttentionTiling.For(device, sizes);
        if (WgmmaAttentionTile.Takes(device, sizes.Depth))
        {
            program.Emit(
                qkv.HasTangent ? "attention.tangent" : "attention.forward", [qkv], [y, logSumExp],
                _ => { }, gpu => ForwardOnHopper(gpu, new WgmmaAttentionTile(sizes.Depth, qkv.HasTangent), qkv, y, logSumExp, sizes));
        }
        else if (tiling is not null)
        {
            program.Emit(
                qkv.HasTangent ? "attention.tangent" : "attention.forward", [qkv], [y, logSumExp],
                _ => { }, gpu => ForwardOnTensorCores(gpu, tiling, qkv, y, logSumExp, sizes));
        }
        else
        {
            Tensor wide = Widen(program, qkv), wideY = program.Allocate(shape, qkv.HasTangent);
            program.Emit(
                qkv.HasTangent ? "attention.tangent" : "attention.forward", [wide], [wideY, logSumExp],
                _ => { }, gpu => qkv.HasTangent ? TangentGpu(gpu, wide, wideY, logSumExp, sizes) : ForwardGpu(gpu, wide, wideY, logSumExp, sizes));
            Round(program, wideY, y, add: false);
        }

        program.Tape?.Record(y, [qkv], () => BackwardRounded(program, tiling, qkv.Primal, y.Primal, logSumExp, sizes));
        return y;
    }

    private static void BackwardRounded(
        ComputeProgram program, AttentionTiling? tiling, Tensor qkv, Tensor y, Tensor logSumExp, AttentionSizes sizes)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        if (program.Tape.Slot(program, qkv) is not { } slot)
            return;
        bool rounded = dy.Type == DType.BFloat16 && slot.Tensor.Type == DType.BFloat16;
        if (rounded && WgmmaAttentionTile.Takes((GpuDevice)program.Device, sizes.Depth))
        {
            Tensor statistics = program.Allocate(new Shape(sizes.Pairs, 2 * PaddedLength(sizes.Length)));
            program.Emit(
                "attention.backward", [qkv, y, dy, logSumExp, slot.ReadTensor], [slot.Tensor, statistics],
                _ => { }, gpu => BackwardOnHopper(gpu, qkv, y, dy, logSumExp, statistics, slot, sizes));
            return;
        }

        Tensor delta = program.Allocate(logSumExp.Shape);
        if (tiling is not null && rounded)
        {
            program.Emit(
                "attention.backward", [qkv, y, dy, logSumExp, slot.ReadTensor], [slot.Tensor, delta],
                _ => { }, gpu => BackwardOnTensorCores(gpu, tiling, qkv, y, dy, logSumExp, delta, slot, sizes));
            return;
        }

        Tensor wide = Widen(program, qkv), wideY = Widen(program, y), wideDy = Widen(program, dy);
        var wideSlot = new GradientSlot(program.Allocate(qkv.Shape), Accumulate: false);
        program.Emit(
            "attention.backward", [wide, wideY, wideDy, logSumExp], [wideSlot.Tensor, delta],
            _ => { }, gpu => BackwardGpu(gpu, wide, wideY, wideDy, logSumExp, delta, wideSlot, sizes));
        Round(program, wideSlot.Tensor, slot.Tensor, slot.Accumulate);
    }

    private static Tensor Widen(ComputeProgram program, Tensor x)
    {
        if (x.Type == DType.Float32)
            return x;
        Tensor wide = program.Allocate(x.Shape, x.HasTangent);
        program.Emit("attention.widen", [x], [wide], _ => { }, gpu =>
        {
            var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<BFloat16>, ArrayView<float>>(WidenKernel);
            return () => kernel(gpu.Stream, (int)x.StoredCount, x.ViewOf<BFloat16>(), wide.View);
        });
        return wide;
    }

    private static void Round(ComputeProgram program, Tensor x, Tensor y, bool add) =>
        program.Emit("attention.round", [x, add ? y : null], [y], _ => { }, gpu =>
        {
            var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<BFloat16>, int>(RoundKernel);
            return () => kernel(gpu.Stream, (int)x.StoredCount, x.View, y.ViewOf<BFloat16>(), add ? 1 : 0);
        });
}

using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Fast kernels for bf16: a few lanes of a warp hold a run in registers, so that each pass reads and writes every tensor once.</summary>
public static partial class MagnitudeNorm
{
    internal static void ForwardRowsKernel<TRun>(
        ArrayView<Bf16x8> x, ArrayView<Bf16x8> y, ArrayView<Bf16x8> activated, int silu, Extents e, RowLanes lanes)
        where TRun : unmanaged, IRowRun<TRun>
    {
        RowPlace place = lanes.PlaceIn(lanes.FirstRow);
        int tangents = lanes.Rows * lanes.Packs;
        TRun primal = TRun.Load(x, place), tangent = TRun.All(0f);
        if (e.Tangent != 0)
            tangent = TRun.Load(x, place.In(place.Row + tangents));
        RunScale of = e.Of(lanes.Sum(TRun.Dot(primal, primal)) / e.Run);
        ForwardOfPack body;
        body.Y = y;
        body.Activated = activated;
        body.R = of.R;
        body.Gain = e.Gain;
        body.Projection = 0f;
        if (e.Tangent != 0)
            body.Projection = of.Weight * (lanes.Sum(TRun.Dot(primal, tangent)) / e.Run);
        body.Silu = silu;
        body.Tangent = e.Tangent;
        body.Row = place.Row;
        body.TangentRow = place.Row + tangents;
        TRun.Map(body, primal, tangent, place);
    }

    internal static void BackwardRowsKernel<TRun>(
        ArrayView<Bf16x8> x, ArrayView<Bf16x8> dy, ArrayView<Bf16x8> ds, ArrayView<Bf16x8> dx, float factor, int silu, int add, Extents e, RowLanes lanes)
        where TRun : unmanaged, IRowRun<TRun>
    {
        RowPlace place = lanes.PlaceIn(lanes.FirstRow);
        TRun primal = TRun.Load(x, place), activated = TRun.All(0f), cotangent = TRun.All(0f), former = TRun.All(0f);
        if (silu != 0)
            activated = TRun.Load(ds, place);
        if (factor != 0f)
            cotangent = TRun.Load(dy, place);
        if (add != 0)
            former = TRun.Load(dx, place);
        RunScale of = e.Of(lanes.Sum(TRun.Dot(primal, primal)) / e.Run);
        ActivatedCotangent slope;
        slope.R = of.R;
        slope.Gain = e.Gain;
        WeightedSum total;
        total.A = factor;
        total.B = 1f;
        TRun g = TRun.Map(total, cotangent, TRun.Map(slope, primal, activated, place), place);
        total.A = of.R;
        total.B = -of.Weight * (lanes.Sum(TRun.Dot(primal, g)) / e.Run);
        TRun gradient = TRun.Map(total, g, primal, place);
        total.A = 1f;
        total.B = 1f;
        TRun.Store(dx, place, TRun.Map(total, former, gradient, place));
    }

    /// <summary>Computes N(x), its activation and their tangents, and stores them.</summary>
    private struct ForwardOfPack : IPackFunction
    {
        public ArrayView<Bf16x8> Y, Activated;
        public float R, Gain, Projection;
        public int Silu, Tangent, Row, TangentRow;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack)
        {
            ArrayView<Bf16x8> y = Y, activated = Activated;
            Float8 n = R * a, tn = R * b - Projection * a;
            y[Row + pack] = Bf16x8.Narrow(n);
            if (Tangent != 0)
                y[TangentRow + pack] = Bf16x8.Narrow(tn);
            if (Silu == 0)
                return n;
            Float8 s = Float8.CoarseLogistic(n), value = n * s;
            activated[Row + pack] = Bf16x8.Narrow(Gain * value);
            if (Tangent != 0)
                activated[TangentRow + pack] = Bf16x8.Narrow(Gain * ((s + value * (Float8.All(1f) - s)) * tn));
            return n;
        }
    }

    /// <summary>gain silu'(N(x)) ds from x and ds.</summary>
    private struct ActivatedCotangent : IPackFunction
    {
        public float R, Gain;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack)
        {
            Float8 n = R * a, s = Float8.CoarseLogistic(n);
            return Gain * ((s + n * s * (Float8.All(1f) - s)) * b);
        }
    }

    /// <summary>Weighted sum of two packs.</summary>
    private struct WeightedSum : IPackFunction
    {
        public float A, B;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack) => A * a + B * b;
    }

    private sealed record ForwardLaunch(GpuDevice Gpu, Extents Extents, Tensor X, Tensor Y, Tensor? Activated, RowLanes Lanes) : IRowRunLaunch
    {
        public Action Load<TRun>()
            where TRun : unmanaged, IRowRun<TRun>
        {
            var kernel = Gpu.Accelerator.LoadKernel<
                ArrayView<Bf16x8>, ArrayView<Bf16x8>, ArrayView<Bf16x8>, int, Extents, RowLanes>(ForwardRowsKernel<TRun>);
            KernelConfig grid = Lanes.GridOf(Gpu);
            return () => kernel(
                Gpu.Stream, grid, Packs.View<Bf16x8>(X), Packs.View<Bf16x8>(Y), Packs.View<Bf16x8>(Activated ?? Y), Activated is null ? 0 : 1, Extents, Lanes);
        }
    }

    private sealed record BackwardLaunch(GpuDevice Gpu, Extents Extents, Tensor X, Gradients Gradients, RowLanes Lanes) : IRowRunLaunch
    {
        public Action Load<TRun>()
            where TRun : unmanaged, IRowRun<TRun>
        {
            var kernel = Gpu.Accelerator.LoadKernel<
                ArrayView<Bf16x8>, ArrayView<Bf16x8>, ArrayView<Bf16x8>, ArrayView<Bf16x8>, float, int, int, Extents, RowLanes>(BackwardRowsKernel<TRun>);
            KernelConfig grid = Lanes.GridOf(Gpu);
            return () => kernel(
                Gpu.Stream, grid, Packs.View<Bf16x8>(X), Packs.View<Bf16x8>(Gradients.Dy ?? X), Packs.View<Bf16x8>(Gradients.Activated ?? X),
                Packs.View<Bf16x8>(Gradients.X.Tensor), Gradients.Factor, Gradients.Activated is null ? 0 : 1, Gradients.X.Add, Extents, Lanes);
        }
    }
}

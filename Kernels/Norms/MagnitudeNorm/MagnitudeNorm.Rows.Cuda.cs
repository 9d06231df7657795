using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Fast kernels for bf16: a few lanes of a warp hold a run in registers, so that each pass reads and writes every tensor once.</summary>
public static partial class MagnitudeNorm
{
    /// <summary>Most rows that a lane takes, fetching each while it computes the one before.</summary>
    private const int MostRowsOfLane = 8;

    internal static void ForwardRowsKernel<TRun>(
        ArrayView<Bf16x8> x, ArrayView<Bf16x8> y, ArrayView<Bf16x8> activated, int written, Extents e, RowLanes lanes)
        where TRun : unmanaged, IRowRun<TRun>
    {
        int row = lanes.FirstRow, tangents = lanes.Rows * lanes.Packs;
        RowPlace place = lanes.PlaceIn(row);
        TRun next = TRun.Fetch(x, place), nextTangent = next;
        if (e.Tangent != 0)
            nextTangent = TRun.Fetch(x, place.In(place.Row + tangents));
        var of = RowOperands<TRun>.All(next);
        ForwardOfPack store;
        store.Y = y;
        store.Activated = activated;
        store.Gain = e.Gain;
        store.Written = written;
        store.Tangent = e.Tangent;
        for (int step = 0; step < lanes.RowsOfLane; step++)
        {
            place = lanes.PlaceIn(row);
            of.Value = TRun.Unpack(next);
            of.Tangent = TRun.Unpack(nextTangent);
            RowPlace after = lanes.PlaceAfter(row, step);
            next = TRun.Fetch(x, after);
            if (e.Tangent != 0)
                nextTangent = TRun.Fetch(x, after.In(after.Row + tangents));
            RowSums sums = lanes.Sum(RowSums.Of(TRun.Dot(of.Value, of.Value, place), TRun.Dot(of.Value, of.Tangent, place)));
            MagnitudeScale scale = e.Of(sums.Square * e.OverRun);
            store.R = scale.R;
            store.Projection = scale.Weight * (sums.Product * e.OverRun);
            store.Row = place.Row;
            store.TangentRow = place.Row + tangents;
            TRun.ForEach(store, of, place);
            row += lanes.RowStep;
        }
    }

    internal static void BackwardRowsKernel<TRun>(
        ArrayView<Bf16x8> x, ArrayView<Bf16x8> dy, ArrayView<Bf16x8> ds, ArrayView<Bf16x8> dx, float factor, int silu, int add, Extents e, RowLanes lanes)
        where TRun : unmanaged, IRowRun<TRun>
    {
        int row = lanes.FirstRow;
        RowPlace place = lanes.PlaceIn(row);
        TRun next = TRun.Fetch(x, place), nextActivated = next, nextCotangent = next;
        if (silu != 0)
            nextActivated = TRun.Fetch(ds, place);
        if (factor != 0f)
            nextCotangent = TRun.Fetch(dy, place);
        var of = RowOperands<TRun>.All(next);
        CotangentOfPack cotangent;
        cotangent.Gain = silu != 0 ? e.Gain : 0f;
        cotangent.Factor = factor;
        InputGradientOfPack store;
        store.Dx = dx;
        for (int step = 0; step < lanes.RowsOfLane; step++)
        {
            place = lanes.PlaceIn(row);
            of.Value = TRun.Unpack(next);
            of.Scale = TRun.Unpack(nextActivated);
            of.Shift = TRun.Unpack(nextCotangent);
            of.TangentShift = TRun.All(0f);
            if (add != 0)
                of.TangentShift = TRun.Fetch(dx, place);
            RowPlace after = lanes.PlaceAfter(row, step);
            next = TRun.Fetch(x, after);
            if (silu != 0)
                nextActivated = TRun.Fetch(ds, after);
            if (factor != 0f)
                nextCotangent = TRun.Fetch(dy, after);
            MagnitudeScale scale = e.Of(lanes.Sum(TRun.Dot(of.Value, of.Value, place)) * e.OverRun);
            cotangent.R = scale.R;
            of.Tangent = TRun.Map(cotangent, of, place);
            store.R = scale.R;
            store.Projection = scale.Weight * (lanes.Sum(TRun.Dot(of.Value, of.Tangent, place)) * e.OverRun);
            store.Row = place.Row;
            of.TangentShift = TRun.Unpack(of.TangentShift);
            TRun.ForEach(store, of, place);
            row += lanes.RowStep;
        }
    }

    /// <summary>Computes N(x), its activation and their tangents, and stores them.</summary>
    private struct ForwardOfPack : IPackAction
    {
        public ArrayView<Bf16x8> Y, Activated;
        public float R, Gain, Projection;
        public int Written, Tangent, Row, TangentRow;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(RowOperands<LastPack> of, int pack)
        {
            ArrayView<Bf16x8> y = Y, activated = Activated;
            Float8 n = R * of.Value.Values, tn = R * of.Tangent.Values - Projection * of.Value.Values;
            if ((Written & WritesNorm) != 0)
            {
                y[Row + pack] = Bf16x8.Narrow(n);
                if (Tangent != 0)
                    y[TangentRow + pack] = Bf16x8.Narrow(tn);
            }

            if ((Written & WritesActivated) == 0)
                return;
            Float8 s = Float8.CoarseLogistic(n), value = n * s;
            activated[Row + pack] = Bf16x8.Narrow(Gain * value);
            if (Tangent != 0)
                activated[TangentRow + pack] = Bf16x8.Narrow(Gain * (Float8.SiluSlope(value, s) * tn));
        }
    }

    /// <summary>The cotangent of N(x), factor dy + gain silu'(N(x)) ds, from x, as a scale ds, and as a shift dy.</summary>
    private struct CotangentOfPack : IPackFunction
    {
        public float R, Gain, Factor;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(RowOperands<LastPack> of, int pack)
        {
            Float8 n = R * of.Value.Values, s = Float8.CoarseLogistic(n);
            return Factor * of.Shift.Values + Gain * (Float8.SiluSlope(n * s, s) * of.Scale.Values);
        }
    }

    /// <summary>Computes dx from x, as its tangent the cotangent of N(x), and as the tangent of a shift the former dx; and stores it.</summary>
    private struct InputGradientOfPack : IPackAction
    {
        public ArrayView<Bf16x8> Dx;
        public float R, Projection;
        public int Row;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(RowOperands<LastPack> of, int pack)
        {
            ArrayView<Bf16x8> dx = Dx;
            dx[Row + pack] = Bf16x8.Narrow(R * of.Tangent.Values - Projection * of.Value.Values + of.TangentShift.Values);
        }
    }

    private sealed record ForwardLaunch(GpuDevice Gpu, Extents Extents, Tensor X, Outputs Outputs, RowLanes Lanes) : IRowRunLaunch
    {
        public Action Load<TRun>()
            where TRun : unmanaged, IRowRun<TRun>
        {
            var kernel = Gpu.Accelerator.LoadKernel<
                ArrayView<Bf16x8>, ArrayView<Bf16x8>, ArrayView<Bf16x8>, int, Extents, RowLanes>(ForwardRowsKernel<TRun>);
            KernelConfig grid = Lanes.GridOf(Gpu);
            return () => kernel(
                Gpu.Stream, grid, Packs.View<Bf16x8>(X), Packs.View<Bf16x8>(Outputs.Y ?? Outputs.Some), Packs.View<Bf16x8>(Outputs.Activated ?? Outputs.Some),
                Outputs.Written, Extents, Lanes);
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

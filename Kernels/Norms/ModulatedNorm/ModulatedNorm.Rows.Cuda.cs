using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Fast kernels for bf16: a few lanes of a warp hold a pixel in registers, so that each pass reads and writes every tensor once. The sums of the modulation's
/// gradient stay in registers while a lane walks over pixels; each warp then writes one partial sum, and a second launch adds those of an image.
/// </summary>
public static partial class ModulatedNorm
{
    internal static void ForwardRowsKernel<TRun>(
        ArrayView<Bf16x8> x, ArrayView<float> modulation, ArrayView<Bf16x8> y, ArrayView<int> counter, Extents e, MaskRule mask, RowLanes lanes)
        where TRun : unmanaged, IRowRun<TRun>
    {
        int row = lanes.FirstRow, tangents = lanes.Rows * lanes.Packs, image = row / e.Pixels;
        RowPlace place = lanes.PlaceIn(row);
        TRun next = TRun.Fetch(x, place), nextTangent = next;
        if (e.Tangent != 0)
            nextTangent = TRun.Fetch(x, place.In(place.Row + tangents));
        RowOperands<TRun> of = ModulationOf<TRun>(modulation, place, image, e);
        ForwardOfPack store;
        store.Y = y;
        store.Counter = counter;
        store.Extents = e;
        store.Mask = mask;
        store.Image = image;
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
            MagnitudeScale scale = e.Of(sums.Square * e.OverChannels);
            store.R = scale.R;
            store.Projection = scale.Weight * (sums.Product * e.OverChannels);
            store.Row = place.Row;
            store.TangentRow = place.Row + tangents;
            store.PackOfImage = place.Row - image * (e.Pixels * lanes.Packs);
            TRun.ForEach(store, of, place);
            row += lanes.RowStep;
        }
    }

    internal static void BackwardRowsKernel<TRun>(
        ArrayView<Bf16x8> x, ArrayView<float> modulation, ArrayView<Bf16x8> dy, ArrayView<Bf16x8> dx, ArrayView<float> partials, ArrayView<int> counter,
        int add, Extents e, MaskRule mask, RowLanes lanes)
        where TRun : unmanaged, IRowRun<TRun>
    {
        int row = lanes.FirstRow, image = row / e.Pixels;
        RowPlace place = lanes.PlaceIn(row);
        TRun next = TRun.Fetch(x, place), nextCotangent = TRun.Fetch(dy, place);
        RowOperands<TRun> of = ModulationOf<TRun>(modulation, place, image, e);
        TRun scaleSum = TRun.All(0f), shiftSum = TRun.All(0f);
        CotangentOfPack cotangent;
        cotangent.Counter = counter;
        cotangent.Gain = e.Gain;
        cotangent.Mask = mask;
        cotangent.Image = image;
        InputGradientOfPack store;
        store.Dx = dx;
        store.Add = add;
        for (int step = 0; step < lanes.RowsOfLane; step++)
        {
            place = lanes.PlaceIn(row);
            of.Value = TRun.Unpack(next);
            of.Tangent = TRun.Unpack(nextCotangent);
            RowPlace after = lanes.PlaceAfter(row, step);
            next = TRun.Fetch(x, after);
            nextCotangent = TRun.Fetch(dy, after);
            MagnitudeScale scale = e.Of(lanes.Sum(TRun.Dot(of.Value, of.Value, place)) * e.OverChannels);
            cotangent.R = scale.R;
            cotangent.PackOfImage = place.Row - image * (e.Pixels * lanes.Packs);
            of.TangentShift = TRun.Map(cotangent, of, place); // du
            shiftSum = TRun.Add(shiftSum, of.TangentShift);
            ProductOfPacks product;
            product.Factor = scale.R;
            scaleSum = TRun.Add(scaleSum, TRun.Map(product, of, place));
            if (add >= 0)
            {
                of.Tangent = TRun.Map(default(ScaledPack), of, place); // dN
                store.R = scale.R;
                store.Projection = scale.Weight * (lanes.Sum(TRun.Dot(of.Value, of.Tangent, place)) * e.OverChannels);
                store.Row = place.Row;
                TRun.ForEach(store, of, place);
            }

            row += lanes.RowStep;
        }

        scaleSum = TRun.SumOfRows(scaleSum, lanes.Lanes);
        shiftSum = TRun.SumOfRows(shiftSum, lanes.Lanes);
        if (Warp.LaneIdx >= lanes.Lanes)
            return;
        int target = RowLanes.WarpIndex * (e.ModulationChannels / Bf16x8.Width);
        TRun.StoreSingles(partials, place.In(target), scaleSum);
        if (e.Shifts != 0)
            TRun.StoreSingles(partials, place.In(target + lanes.Packs), shiftSum);
    }

    /// <summary>Loads scale and shift of an image, and their tangents if there are any; a shift that does not exist is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowOperands<TRun> ModulationOf<TRun>(ArrayView<float> modulation, RowPlace place, int image, Extents e)
        where TRun : unmanaged, IRowRun<TRun>
    {
        var of = RowOperands<TRun>.All(TRun.All(0f));
        int first = image * (e.ModulationChannels / Bf16x8.Width), tangents = e.ModulationTangentOffset / Bf16x8.Width, shift = e.Channels / Bf16x8.Width;
        of.Scale = TRun.LoadSingles(modulation, place.In(first));
        if (e.Shifts != 0)
            of.Shift = TRun.LoadSingles(modulation, place.In(first + shift));
        if (e.ModulationTangent == 0)
            return of;
        of.TangentScale = TRun.LoadSingles(modulation, place.In(first + tangents));
        if (e.Shifts != 0)
            of.TangentShift = TRun.LoadSingles(modulation, place.In(first + tangents + shift));
        return of;
    }

    /// <summary>Adds the partial sums of an image, in order; a thread for each element of the modulation.</summary>
    internal static void SumPartialsKernel(Index1D i, ArrayView<float> partials, ArrayView<float> dModulation, int channels, int count, int add)
    {
        int image = i / channels, at = image * count * channels + i - image * channels;
        float sum = 0f;
        for (int k = 0; k < count; k++)
            sum += partials[at + k * channels];
        dModulation[i] = add != 0 ? dModulation[i] + sum : sum;
    }

    private static Action ForwardFast(GpuDevice gpu, Terms terms, Tensor y, FastTiling tiling) => tiling.Lanes.Load(new ForwardLaunch(gpu, terms, y, tiling.Lanes));

    private static Action BackwardFast(GpuDevice gpu, Terms terms, Gradients gradients, FastTiling tiling)
    {
        Action pixels = tiling.Lanes.Load(new BackwardLaunch(gpu, terms, gradients, tiling.Lanes));
        if (gradients.Modulation is not { } slot)
            return pixels;
        var sums = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int, int, int>(SumPartialsKernel);
        Extents e = terms.Extents;
        int count = tiling.Partials / e.Images;
        return () =>
        {
            pixels();
            sums(gpu.Stream, e.Images * e.ModulationChannels, gradients.Scratch.View, slot.Tensor.View, e.ModulationChannels, count, slot.Add);
        };
    }

    private static MaskRule RuleOf(Terms terms) => terms.Mask is { } mask
        ? new MaskRule { Stream = mask.Stream, Threshold = mask.Threshold, Factor = mask.Scale }
        : default;

    private static ArrayView<int> CounterOf(Terms terms) => (terms.Mask?.Counter.ViewOf<int>()) ?? terms.Modulation.View.Cast<int>();

    private sealed record ForwardLaunch(GpuDevice Gpu, Terms Terms, Tensor Y, RowLanes Lanes) : IRowRunLaunch
    {
        public Action Load<TRun>()
            where TRun : unmanaged, IRowRun<TRun>
        {
            var kernel = Gpu.Accelerator.LoadKernel<
                ArrayView<Bf16x8>, ArrayView<float>, ArrayView<Bf16x8>, ArrayView<int>, Extents, MaskRule, RowLanes>(ForwardRowsKernel<TRun>);
            KernelConfig grid = Lanes.GridOf(Gpu);
            MaskRule mask = RuleOf(Terms);
            return () => kernel(
                Gpu.Stream, grid, Packs.View<Bf16x8>(Terms.X), Terms.Modulation.View, Packs.View<Bf16x8>(Y), CounterOf(Terms), Terms.Extents, mask, Lanes);
        }
    }

    private sealed record BackwardLaunch(GpuDevice Gpu, Terms Terms, Gradients Gradients, RowLanes Lanes) : IRowRunLaunch
    {
        public Action Load<TRun>()
            where TRun : unmanaged, IRowRun<TRun>
        {
            var kernel = Gpu.Accelerator.LoadKernel<
                ArrayView<Bf16x8>, ArrayView<float>, ArrayView<Bf16x8>, ArrayView<Bf16x8>, ArrayView<float>, ArrayView<int>, int, Extents, MaskRule,
                RowLanes>(BackwardRowsKernel<TRun>);
            KernelConfig grid = Lanes.GridOf(Gpu);
            MaskRule mask = RuleOf(Terms);
            Tensor dx = Gradients.X?.Tensor ?? Gradients.Dy;
            int add = Gradients.X?.Add ?? -1;
            return () => kernel(
                Gpu.Stream, grid, Packs.View<Bf16x8>(Terms.X), Terms.Modulation.View, Packs.View<Bf16x8>(Gradients.Dy), Packs.View<Bf16x8>(dx),
                Gradients.Scratch.View, CounterOf(Terms), add, Terms.Extents, mask, Lanes);
        }
    }
}

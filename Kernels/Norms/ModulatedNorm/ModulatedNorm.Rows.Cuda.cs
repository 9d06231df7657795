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
        int row = lanes.FirstRow, tangents = lanes.Rows * lanes.Packs;
        RowPlace place = lanes.PlaceIn(row);
        TRun primal = TRun.Load(x, place), tangent = TRun.All(0f);
        if (e.Tangent != 0)
            tangent = TRun.Load(x, place.In(place.Row + tangents));
        PixelScale of = e.Of(lanes.Sum(TRun.Dot(primal, primal)) / e.Channels);
        ForwardOfPack body;
        body.Modulation = modulation;
        body.Y = y;
        body.Counter = counter;
        body.Extents = e;
        body.Mask = mask;
        body.R = of.R;
        body.Projection = 0f;
        if (e.Tangent != 0)
            body.Projection = of.Weight * (lanes.Sum(TRun.Dot(primal, tangent)) / e.Channels);
        body.Image = row / e.Pixels;
        body.Pixel = row - body.Image * e.Pixels;
        body.Row = place.Row;
        body.TangentRow = place.Row + tangents;
        body.Packs = lanes.Packs;
        TRun.Map(body, primal, tangent, place);
    }

    internal static void BackwardRowsKernel<TRun>(
        ArrayView<Bf16x8> x, ArrayView<float> modulation, ArrayView<Bf16x8> dy, ArrayView<Bf16x8> dx, ArrayView<float> partials, ArrayView<int> counter,
        int add, Extents e, MaskRule mask, RowLanes lanes)
        where TRun : unmanaged, IRowRun<TRun>
    {
        int row = lanes.FirstRow;
        TRun scaleSum = TRun.All(0f), shiftSum = TRun.All(0f);
        RowPlace place = lanes.PlaceIn(row);
        for (int step = 0; step < lanes.RowsOfLane; step++)
        {
            place = lanes.PlaceIn(row);
            TRun primal = TRun.Load(x, place), cotangent = TRun.Load(dy, place);
            PixelScale of = e.Of(lanes.Sum(TRun.Dot(primal, primal)) / e.Channels);
            CotangentOfPack body;
            body.Modulation = modulation;
            body.Counter = counter;
            body.Extents = e;
            body.Mask = mask;
            body.R = of.R;
            body.Image = row / e.Pixels;
            body.Pixel = row - body.Image * e.Pixels;
            body.Packs = lanes.Packs;
            TRun du = TRun.Map(body, primal, cotangent, place);
            shiftSum = TRun.Map(default(SumOfPacks), shiftSum, du, place);
            ProductOfPacks product;
            product.Factor = of.R;
            scaleSum = TRun.Map(default(SumOfPacks), scaleSum, TRun.Map(product, primal, du, place), place);
            if (add >= 0)
            {
                ScaledPack scaled;
                scaled.Modulation = modulation;
                scaled.First = body.Image * (e.ModulationChannels / Bf16x8.Width);
                TRun dn = TRun.Map(scaled, du, du, place);
                InputGradientOfPack gradient;
                gradient.Dx = dx;
                gradient.Row = place.Row;
                gradient.Add = add;
                gradient.R = of.R;
                gradient.Projection = of.Weight * (lanes.Sum(TRun.Dot(primal, dn)) / e.Channels);
                TRun.Map(gradient, primal, dn, place);
            }

            row += lanes.RowStep;
        }

        scaleSum = TRun.SumOfRows(scaleSum, lanes.Lanes);
        shiftSum = TRun.SumOfRows(shiftSum, lanes.Lanes);
        if (Warp.LaneIdx >= lanes.Lanes)
            return;
        int warp = Grid.IdxX * (Group.DimX / Warp.WarpSize) + Group.IdxX / Warp.WarpSize, target = warp * (e.ModulationChannels / Bf16x8.Width);
        TRun.StoreSingles(partials, place.In(target), scaleSum);
        if (e.Shifts != 0)
            TRun.StoreSingles(partials, place.In(target + lanes.Packs), shiftSum);
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
        ? new MaskRule { Stream = mask.Stream, Threshold = mask.Threshold, Factor = mask.Factor }
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

using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>What the fast kernels do with a pack of eight channels.</summary>
public static partial class ModulatedNorm
{
    /// <summary>Rule of a dropout that follows; there is none if the threshold is 0.</summary>
    internal struct MaskRule
    {
        public RandomStream Stream;
        public uint Threshold;
        public float Factor;

        /// <summary>Factors of the eight elements of a pack: 0, or 1 / (1 - rate).</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(ArrayView<int> counter, int image, int packOfImage) => Float8.Of(
            Dropout.Factors(counter, Stream, image, 2 * packOfImage, Threshold, Factor), Dropout.Factors(counter, Stream, image, 2 * packOfImage + 1, Threshold, Factor));
    }

    /// <summary>Computes y and its tangent from x and its tangent, and stores both.</summary>
    private struct ForwardOfPack : IPackAction
    {
        public ArrayView<Bf16x8> Y;
        public ArrayView<int> Counter;
        public Extents Extents;
        public MaskRule Mask;
        public float R, Projection;
        public int Image, PackOfImage, Row, TangentRow;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(RowOperands<LastPack> of, int pack)
        {
            ArrayView<Bf16x8> y = Y;
            Float8 n = R * of.Value.Values, u = n * of.Scale.Values + of.Shift.Values, s = Float8.CoarseLogistic(u), value = u * s;
            Float8 factor = Float8.All(Extents.Gain);
            if (Mask.Threshold != 0)
                factor = Extents.Gain * Mask.Of(Counter, Image, PackOfImage + pack);
            y[Row + pack] = Bf16x8.Narrow(factor * value);
            if (Extents.Tangent == 0)
                return;
            Float8 tu = (R * of.Tangent.Values - Projection * of.Value.Values) * of.Scale.Values + n * of.TangentScale.Values + of.TangentShift.Values;
            y[TangentRow + pack] = Bf16x8.Narrow(factor * (Float8.SiluSlope(value, s) * tu));
        }
    }

    /// <summary>du from x and, as its tangent, dy.</summary>
    private struct CotangentOfPack : IPackFunction
    {
        public ArrayView<int> Counter;
        public MaskRule Mask;
        public float R, Gain;
        public int Image, PackOfImage;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(RowOperands<LastPack> of, int pack)
        {
            Float8 u = R * of.Value.Values * of.Scale.Values + of.Shift.Values, s = Float8.CoarseLogistic(u);
            Float8 du = Gain * (Float8.SiluSlope(u * s, s) * of.Tangent.Values);
            if (Mask.Threshold != 0)
                du *= Mask.Of(Counter, Image, PackOfImage + pack);
            return du;
        }
    }

    /// <summary>N du from x and, as the tangent of the shift, du.</summary>
    private struct ProductOfPacks : IPackFunction
    {
        public float Factor;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(RowOperands<LastPack> of, int pack) => Factor * of.Value.Values * of.TangentShift.Values;
    }

    /// <summary>dN = s du.</summary>
    private struct ScaledPack : IPackFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(RowOperands<LastPack> of, int pack) => of.Scale.Values * of.TangentShift.Values;
    }

    /// <summary>Computes dx from x and, as its tangent, dN, and stores it.</summary>
    private struct InputGradientOfPack : IPackAction
    {
        public ArrayView<Bf16x8> Dx;
        public int Row, Add;
        public float R, Projection;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(RowOperands<LastPack> of, int pack)
        {
            Float8 value = R * of.Tangent.Values - Projection * of.Value.Values;
            ArrayView<Bf16x8> dx = Dx;
            if (Add != 0)
                value += Bf16x8.Widen(dx[Row + pack]);
            dx[Row + pack] = Bf16x8.Narrow(value);
        }
    }

    /// <summary>Where the fast kernels run, and with which lanes.</summary>
    private sealed record FastTiling(RowLanes Lanes, int Partials)
    {
        private const int MostRowsOfLane = 16;

        /// <summary>
        /// The tiling of both passes, in which the rows of a warp lie in one image, so that a lane keeps the modulation in registers and the warp sums its
        /// gradient; null where the portable kernels run.
        /// </summary>
        public static FastTiling? For(GpuDevice gpu, Tensor x)
        {
            int rows = x.Count / x.Shape.C;
            return x.Type == DType.BFloat16 && RowLanes.Of(gpu, rows, x.Shape.C)?.Dividing(gpu, x.Shape.H * x.Shape.W, MostRowsOfLane) is { } lanes
                ? new FastTiling(lanes, rows / lanes.RowsOfWarp(gpu))
                : null;
        }
    }
}

using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>What the fast kernels do with a pack of eight channels.</summary>
public static partial class ModulatedNorm
{
    /// <summary>Rule of a dropout that follows; no element is dropped if the threshold is 0.</summary>
    internal struct MaskRule
    {
        public RandomStream Stream;
        public uint Threshold;
        public float Factor;

        /// <summary>Factors of the eight elements of a pack: 0, or 1 / (1 - rate).</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(ArrayView<int> counter, int image, int packOfImage)
        {
            if (Threshold == 0)
                return Float8.All(1f);
            int step = counter[0], sample = counter[1] + image;
            Philox.Words a = RandomStream.At(Stream, step, sample, 2 * packOfImage), b = RandomStream.At(Stream, step, sample, 2 * packOfImage + 1);
            return Float8.Of(Float4.Of(One(a.A), One(a.B), One(a.C), One(a.D)), Float4.Of(One(b.A), One(b.B), One(b.C), One(b.D)));
        }

        private readonly float One(uint word) => word >> 8 >= Threshold ? Factor : 0f;
    }

    /// <summary>Scale and shift of a pack.</summary>
    private struct PackModulation
    {
        public Float8 Scale, Shift;

        /// <summary>Loads them for an image whose modulation begins at an fp32 element; the offset is that of a tangent.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static PackModulation Load(ArrayView<float> modulation, int first, int pack, Extents e)
        {
            PackModulation result;
            int at = first / Bf16x8.Width + pack;
            result.Scale = Bf16x8.LoadSingles(modulation, at);
            result.Shift = Float8.All(0f);
            if (e.Shifts != 0)
                result.Shift = Bf16x8.LoadSingles(modulation, at + e.Channels / Bf16x8.Width);
            return result;
        }
    }

    /// <summary>Computes y and its tangent from x and its tangent, and stores both.</summary>
    private struct ForwardOfPack : IPackFunction
    {
        public ArrayView<float> Modulation;
        public ArrayView<Bf16x8> Y;
        public ArrayView<int> Counter;
        public Extents Extents;
        public MaskRule Mask;
        public float R, Projection;
        public int Image, Pixel, Row, TangentRow, Packs;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack)
        {
            PackModulation of = PackModulation.Load(Modulation, Image * Extents.ModulationChannels, pack, Extents);
            Float8 n = R * a, u = n * of.Scale + of.Shift, s = Float8.CoarseLogistic(u), factor = Extents.Gain * Mask.Of(Counter, Image, Pixel * Packs + pack);
            ArrayView<Bf16x8> y = Y;
            y[Row + pack] = Bf16x8.Narrow(factor * (u * s));
            if (Extents.Tangent == 0)
                return s;
            Float8 tu = (R * b - Projection * a) * of.Scale;
            if (Extents.ModulationTangent != 0)
            {
                PackModulation tangent = PackModulation.Load(
                    Modulation, Extents.ModulationTangentOffset + Image * Extents.ModulationChannels, pack, Extents);
                tu += n * tangent.Scale + tangent.Shift;
            }

            y[TangentRow + pack] = Bf16x8.Narrow(factor * (Slope(u, s) * tu));
            return s;
        }
    }

    /// <summary>du from x and dy.</summary>
    private struct CotangentOfPack : IPackFunction
    {
        public ArrayView<float> Modulation;
        public ArrayView<int> Counter;
        public Extents Extents;
        public MaskRule Mask;
        public float R;
        public int Image, Pixel, Packs;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack)
        {
            PackModulation of = PackModulation.Load(Modulation, Image * Extents.ModulationChannels, pack, Extents);
            Float8 u = R * a * of.Scale + of.Shift;
            return Extents.Gain * Mask.Of(Counter, Image, Pixel * Packs + pack) * (Slope(u, Float8.CoarseLogistic(u)) * b);
        }
    }

    /// <summary>silu'(u) = s + u s (1 - s).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float8 Slope(Float8 u, Float8 s) => s + u * s * (Float8.All(1f) - s);

    /// <summary>Sum of two packs.</summary>
    private struct SumOfPacks : IPackFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack) => a + b;
    }

    /// <summary>Product of two packs and a factor.</summary>
    private struct ProductOfPacks : IPackFunction
    {
        public float Factor;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack) => Factor * a * b;
    }

    /// <summary>Product of a pack and the scale.</summary>
    private struct ScaledPack : IPackFunction
    {
        public ArrayView<float> Modulation;

        /// <summary>First pack of the image's modulation.</summary>
        public int First;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack) => a * Bf16x8.LoadSingles(Modulation, First + pack);
    }

    /// <summary>Computes dx from x and dN, and stores it.</summary>
    private struct InputGradientOfPack : IPackFunction
    {
        public ArrayView<Bf16x8> Dx;
        public int Row, Add;
        public float R, Projection;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float8 Of(Float8 a, Float8 b, int pack)
        {
            Float8 value = R * b - Projection * a;
            ArrayView<Bf16x8> dx = Dx;
            if (Add != 0)
                value += Bf16x8.Widen(dx[Row + pack]);
            dx[Row + pack] = Bf16x8.Narrow(value);
            return value;
        }
    }

    /// <summary>Where the fast kernels run, and with which lanes.</summary>
    private sealed record FastTiling(RowLanes Lanes, int Partials)
    {
        private const int MaxRowsOfLane = 16;

        /// <summary>The tiling of a forward pass; null where the portable kernels run.</summary>
        public static FastTiling? For(GpuDevice gpu, Tensor x) => ForBackward(gpu, x) is null || RowLanes.Of(gpu, Pixels(x), x.Shape.C) is not { } lanes
            ? null
            : new FastTiling(lanes, 0);

        /// <summary>The tiling of a backward pass, in which the rows of a group lie in one image; null where the portable kernels run.</summary>
        public static FastTiling? ForBackward(GpuDevice gpu, Tensor x)
        {
            if (x.Type != DType.BFloat16 || RowLanes.Of(gpu, Pixels(x), x.Shape.C) is not { } lanes)
                return null;
            int pixels = x.Shape.H * x.Shape.W, group = lanes.GridOf(gpu).GroupDim.X, rows = group / lanes.Lanes, rowsOfLane = MaxRowsOfLane;
            while (rowsOfLane > 1 && pixels % (rows * rowsOfLane) != 0)
                rowsOfLane /= 2;
            if (pixels % (rows * rowsOfLane) != 0)
                return null;
            int warps = Pixels(x) / (rows * rowsOfLane) * (group / Math.Min(group, gpu.Accelerator.WarpSize));
            return new FastTiling(RowLanes.Of(gpu, Pixels(x), x.Shape.C, rowsOfLane)!.Value, warps);
        }

        private static int Pixels(Tensor x) => x.Count / x.Shape.C;
    }
}

using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>What a thread of <see cref="WeightNorm"/> knows of its row, and the values of the row that it keeps in registers.</summary>
public static partial class WeightNorm
{
    /// <summary>Quads of four values that a thread loads at once, and keeps of a row's beginning.</summary>
    private const int QuadsPerThread = 8;

    /// <summary>Where a thread finds its quads of a row: at First, First + Step, and so on.</summary>
    internal struct RowPlace
    {
        public int Start;
        public int Length;
        public int First;
        public int Step;

        /// <summary>Values that the row's threads load at once.</summary>
        public readonly int Chunk => QuadsPerThread * Step;
    }

    /// <summary>The factor of each value of a row: one, or two by the value's channel.</summary>
    internal struct RowFactors
    {
        public float First;
        public float Second;
        public int Channels;
        public int Split;
        public int Aligned;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Float4 At(int column)
        {
            if (Split >= Channels)
                return Float4.All(First);
            if (Aligned != 0)
                return Float4.All(Of(column));
            return Float4.Of(Of(column), Of(column + 1), Of(column + 2), Of(column + 3));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly float Of(int column) => column % Channels >= Split ? Second : First;
    }

    /// <summary>Eight quads of a row, <see cref="RowPlace.Step"/> apart. Written out, since ILGPU unrolls no loop and keeps no array in registers.</summary>
    internal struct RowQuads
    {
        public Float4 A;
        public Float4 B;
        public Float4 C;
        public Float4 D;
        public Float4 E;
        public Float4 F;
        public Float4 G;
        public Float4 H;

        /// <summary>Loads the quads from a column on, with zeros beyond the row's end: starts all loads before it needs the first.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static RowQuads Load<TAccess>(ArrayView<float> view, RowPlace at, int column)
            where TAccess : struct, IFloat4Access
        {
            int i = at.Start + column, valid = at.Length - column, step = at.Step;
            RowQuads q;
            q.A = TAccess.Load(view, i, valid);
            q.B = TAccess.Load(view, i + step, valid - step);
            q.C = TAccess.Load(view, i + 2 * step, valid - 2 * step);
            q.D = TAccess.Load(view, i + 3 * step, valid - 3 * step);
            q.E = TAccess.Load(view, i + 4 * step, valid - 4 * step);
            q.F = TAccess.Load(view, i + 5 * step, valid - 5 * step);
            q.G = TAccess.Load(view, i + 6 * step, valid - 6 * step);
            q.H = TAccess.Load(view, i + 7 * step, valid - 7 * step);
            q.A = TAccess.Mask(q.A, valid);
            q.B = TAccess.Mask(q.B, valid - step);
            q.C = TAccess.Mask(q.C, valid - 2 * step);
            q.D = TAccess.Mask(q.D, valid - 3 * step);
            q.E = TAccess.Mask(q.E, valid - 4 * step);
            q.F = TAccess.Mask(q.F, valid - 5 * step);
            q.G = TAccess.Mask(q.G, valid - 6 * step);
            q.H = TAccess.Mask(q.H, valid - 7 * step);
            return q;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store<TAccess>(ArrayView<float> view, RowPlace at, int column)
            where TAccess : struct, IFloat4Access
        {
            int i = at.Start + column, valid = at.Length - column, step = at.Step;
            TAccess.Store(view, i, valid, A);
            TAccess.Store(view, i + step, valid - step, B);
            TAccess.Store(view, i + 2 * step, valid - 2 * step, C);
            TAccess.Store(view, i + 3 * step, valid - 3 * step, D);
            TAccess.Store(view, i + 4 * step, valid - 4 * step, E);
            TAccess.Store(view, i + 5 * step, valid - 5 * step, F);
            TAccess.Store(view, i + 6 * step, valid - 6 * step, G);
            TAccess.Store(view, i + 7 * step, valid - 7 * step, H);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void StoreRounded(ArrayView<BFloat16> view, RowPlace at, int column, int aligned)
        {
            int i = at.Start + column, valid = at.Length - column, step = at.Step;
            Float4.StoreRounded(view, i, valid, aligned, A);
            Float4.StoreRounded(view, i + step, valid - step, aligned, B);
            Float4.StoreRounded(view, i + 2 * step, valid - 2 * step, aligned, C);
            Float4.StoreRounded(view, i + 3 * step, valid - 3 * step, aligned, D);
            Float4.StoreRounded(view, i + 4 * step, valid - 4 * step, aligned, E);
            Float4.StoreRounded(view, i + 5 * step, valid - 5 * step, aligned, F);
            Float4.StoreRounded(view, i + 6 * step, valid - 6 * step, aligned, G);
            Float4.StoreRounded(view, i + 7 * step, valid - 7 * step, aligned, H);
        }

        /// <summary>Sum of squares, in float64: each square is exact, so that it matters to no bit whether a compiler fuses.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly double Squares() => Products(this);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly double Products(RowQuads other) =>
            ((Float4.Products(A, other.A) + Float4.Products(B, other.B)) + (Float4.Products(C, other.C) + Float4.Products(D, other.D)))
            + ((Float4.Products(E, other.E) + Float4.Products(F, other.F)) + (Float4.Products(G, other.G) + Float4.Products(H, other.H)));

        /// <summary>Each value times a number.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly RowQuads Times(float factor)
        {
            RowQuads q;
            q.A = factor * A;
            q.B = factor * B;
            q.C = factor * C;
            q.D = factor * D;
            q.E = factor * E;
            q.F = factor * F;
            q.G = factor * G;
            q.H = factor * H;
            return q;
        }

        /// <summary>Each value times the factor of its column.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly RowQuads Times(RowFactors factors, RowPlace at, int column)
        {
            RowQuads q;
            q.A = factors.At(column) * A;
            q.B = factors.At(column + at.Step) * B;
            q.C = factors.At(column + 2 * at.Step) * C;
            q.D = factors.At(column + 3 * at.Step) * D;
            q.E = factors.At(column + 4 * at.Step) * E;
            q.F = factors.At(column + 5 * at.Step) * F;
            q.G = factors.At(column + 6 * at.Step) * G;
            q.H = factors.At(column + 7 * at.Step) * H;
            return q;
        }

        /// <summary>outer this - inner other.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly RowQuads Without(RowQuads other, float outer, float inner)
        {
            RowQuads q;
            q.A = Float4.MultiplyAdd(-inner, other.A, outer * A);
            q.B = Float4.MultiplyAdd(-inner, other.B, outer * B);
            q.C = Float4.MultiplyAdd(-inner, other.C, outer * C);
            q.D = Float4.MultiplyAdd(-inner, other.D, outer * D);
            q.E = Float4.MultiplyAdd(-inner, other.E, outer * E);
            q.F = Float4.MultiplyAdd(-inner, other.F, outer * F);
            q.G = Float4.MultiplyAdd(-inner, other.G, outer * G);
            q.H = Float4.MultiplyAdd(-inner, other.H, outer * H);
            return q;
        }
    }
}

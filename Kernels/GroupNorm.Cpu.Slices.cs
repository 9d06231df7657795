using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>How the host loops cut up their work, and the vectors they read, the last of a row partly.</summary>
public static partial class GroupNorm
{
    private static void ForSlices(CpuDevice cpu, Extents s, Action<Slice> body)
    {
        // The cut depends on the shape alone, never on the number of threads.
        int groups = s.Images >= ManyImages ? s.Groups : Math.Min(s.Groups, (SliceChannels + s.GroupChannels - 1) / s.GroupChannels);
        int slices = (s.Groups + groups - 1) / groups;
        cpu.For(s.Images * slices, item =>
        {
            int first = item % slices * groups;
            body(new Slice(item / slices, first, Math.Min(groups, s.Groups - first), s));
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector<float> Load(float* source, int count)
    {
        if (count == Vector<float>.Count)
            return Vector.Load(source);
        Vector<float> vector = default;
        Unsafe.CopyBlockUnaligned(&vector, source, (uint)count * sizeof(float));
        return vector;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Store(Vector<float> vector, float* target, int count)
    {
        if (count == Vector<float>.Count)
            vector.Store(target);
        else
            Unsafe.CopyBlockUnaligned(target, &vector, (uint)count * sizeof(float));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Add(float* target, Vector<float> vector) => (Vector.Load(target) + vector).Store(target);

    /// <summary>Whole groups of one image.</summary>
    private readonly struct Slice(int image, int firstGroup, int groups, Extents s)
    {
        public int Image { get; } = image;

        public int FirstGroup { get; } = firstGroup;

        public int Groups { get; } = groups;

        public int FirstChannel { get; } = firstGroup * s.GroupChannels;

        public int Channels { get; } = groups * s.GroupChannels;

        /// <summary>Index of the slice's first element in an activation.</summary>
        public int Start { get; } = image * s.Pixels * s.Channels + firstGroup * s.GroupChannels;
    }

    /// <summary>Rows of one number a channel, padded to whole vectors: four sums over pixels and five coefficients.</summary>
    private readonly unsafe struct Columns(float* start, int channels)
    {
        private const int Rows = 9;
        private readonly int padded = Padded(channels);

        public float* Pivot => start;

        public float* A => start + padded;

        public float* B => start + 2 * padded;

        public float* E => start + 3 * padded;

        public float* F => start + 4 * padded;

        public float* Sums => start + 5 * padded;

        public float* Squares => start + 6 * padded;

        public float* Tangents => start + 7 * padded;

        public float* Products => start + 8 * padded;

        public static int Length(int channels) => Rows * Padded(channels);

        public void Clear() => NativeMemory.Clear(start, (nuint)(Rows * padded) * sizeof(float));

        public void Set(int c, Affine k)
        {
            Pivot[c] = k.Pivot;
            A[c] = k.A;
            B[c] = k.B;
            E[c] = k.E;
            F[c] = k.F;
        }

        private static int Padded(int channels) => (channels + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count;
    }
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Division of the host's work, and the vectors that it reads, of which the last in a row may be partial.</summary>
public static partial class GroupNorm
{
    private static void ForSlices(CpuDevice cpu, Extents s, Action<Slice> body)
    {
        // The division depends on the shape alone, never on the number of threads.
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

        /// <summary>Index of the slice's first scale in a modulation.</summary>
        public int Modulation { get; } = 2 * image * s.Channels + firstGroup * s.GroupChannels;

        /// <summary>Index of the slice's first element in an activation.</summary>
        public int Start { get; } = image * s.Pixels * s.Channels + firstGroup * s.GroupChannels;
    }

    /// <summary>The weights of a slice's channels.</summary>
    private readonly unsafe struct HostWeights(Terms terms, Slice slice)
    {
        private readonly float* weight = terms.Weight.Pointer + slice.FirstChannel;
        private readonly float* bias = terms.Bias.Pointer + slice.FirstChannel;
        private readonly float* modulation = terms.Modulation is { } of ? of.Pointer + slice.Modulation : null;
        private readonly int shift = terms.Extents.Channels;
        private readonly int tangent = terms.Modulation is { HasTangent: true } of ? of.Count : 0;

        /// <summary>A channel, counted from the slice's first.</summary>
        public ChannelWeights this[int c] => new()
        {
            Weight = weight[c],
            Bias = bias[c],
            Scale = modulation == null ? 1f : modulation[c],
            Shift = modulation == null ? 0f : modulation[c + shift],
            TangentScale = tangent == 0 ? 0f : modulation[c + tangent],
            TangentShift = tangent == 0 ? 0f : modulation[c + tangent + shift],
        };
    }

    /// <summary>The statistics of a slice's groups from the forward pass.</summary>
    private readonly unsafe struct HostStatistics(Terms terms, Slice slice)
    {
        private readonly float* start = terms.Statistics.Pointer + slice.Image * terms.Extents.Groups + slice.FirstGroup;
        private readonly int plane = terms.Extents.Images * terms.Extents.Groups;

        /// <summary>A group, counted from the slice's first.</summary>
        public GroupStatistics this[int group]
        {
            get => new() { Pivot = start[group], Rho = start[group + plane], Offset = start[group + 2 * plane] };
            set
            {
                start[group] = value.Pivot;
                start[group + plane] = value.Rho;
                start[group + 2 * plane] = value.Offset;
            }
        }
    }

    /// <summary>Rows with one number for each channel, padded to whole cache lines: four sums over pixels and five coefficients.</summary>
    private readonly unsafe struct Columns(int channels, int restRows = 0)
    {
        private const int Rows = 9;
        private readonly float* start = HostScratch.OfItem((Rows + restRows) * HostScratch.Lines(channels));

        /// <summary>Elements from one row to the next.</summary>
        public int Stride { get; } = (int)HostScratch.Lines(channels);

        public float* Pivot => start;

        public float* A => start + Stride;

        public float* B => start + 2 * Stride;

        public float* E => start + 3 * Stride;

        public float* F => start + 4 * Stride;

        public float* Sums => start + 5 * Stride;

        public float* Squares => start + 6 * Stride;

        public float* Tangents => start + 7 * Stride;

        public float* Products => start + 8 * Stride;

        /// <summary>The further rows.</summary>
        public float* Rest => start + Rows * Stride;

        public void Clear() => NativeMemory.Clear(start, (nuint)(Rows * Stride) * sizeof(float));

        public void Set(int c, Affine k)
        {
            Pivot[c] = k.Pivot;
            A[c] = k.A;
            B[c] = k.B;
            E[c] = k.E;
            F[c] = k.F;
        }
    }
}

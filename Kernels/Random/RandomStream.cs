using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A <see cref="RandomSource"/> as kernels take it. Four words at a time, from the counter (element / 4 within the sample,
/// sample, step, purpose) under the seed: how a batch is split over launches, threads and devices does not show.
/// </summary>
internal struct RandomStream
{
    /// <summary>Most elements in a run of <see cref="ForRuns"/>: 4 KB of words, for the stack.</summary>
    public const int MaxRun = 1024;

    /// <summary>What the numbers are for.</summary>
    public uint Purpose;

    /// <summary>Lower word of the seed.</summary>
    public uint Key0;

    /// <summary>Upper word of the seed.</summary>
    public uint Key1;

    /// <summary>1 if the counter holds the seed too, which then counts; else 0.</summary>
    public int Keyed;

    /// <summary>What is done on the host with consecutive elements of one sample.</summary>
    /// <param name="start">Index of the first element in the tensor.</param>
    /// <param name="words">One word an element, filled up to a multiple of 4: at most 3 more than <paramref name="count"/>.</param>
    /// <param name="count">Number of elements, at most <see cref="MaxRun"/>.</param>
    public delegate void RunBody(int start, ReadOnlySpan<uint> words, int count);

    /// <summary>The stream of a source.</summary>
    /// <param name="op">Name of the op, for the message.</param>
    /// <param name="source">The source.</param>
    /// <param name="mayBeKeyed">Whether the op heeds <see cref="Keyed"/>.</param>
    /// <exception cref="ArgumentException">The counter is not Int32 (2), nor (4) where that may be.</exception>
    public static RandomStream Of(string op, RandomSource source, bool mayBeKeyed = false)
    {
        if (source.Counter is { Type: DType.Int32, Shape: { Rank: 1, N: var length } } && (length == 2 || (length == 4 && mayBeKeyed)))
            return new RandomStream { Purpose = (uint)source.Purpose, Key0 = source.Key0, Key1 = source.Key1, Keyed = length == 4 ? 1 : 0 };
        throw new ArgumentException($"{op}: the counter is {source.Counter}, not (2) Int32{(mayBeKeyed ? ", nor (4)" : "")}");
    }

    /// <summary>Groups of four elements, the last perhaps not full, in a sample of a tensor (N, ...).</summary>
    public static int BlocksPerSample(Tensor x) => (x.Count / x.Shape.N + 3) / 4;

    /// <summary>The words of elements 4 block to 4 block + 3 of a sample.</summary>
    /// <param name="stream">Purpose and key.</param>
    /// <param name="step">First entry of the counter.</param>
    /// <param name="sample">Second entry of the counter plus the sample's index in the batch.</param>
    /// <param name="block">Index of the four elements within the sample.</param>
    public static Philox.Words At(RandomStream stream, int step, int sample, int block) =>
        Philox.At((uint)block, (uint)sample, (uint)step, stream.Purpose, stream.Key0, stream.Key1);

    /// <summary>On the host, covers a tensor (N, ...) with runs of elements and their words, on all threads.</summary>
    public static void ForRuns(CpuDevice cpu, RandomStream stream, Tensor counter, Tensor x, RunBody body)
    {
        int elements = x.Count / x.Shape.N, blocks = BlocksPerSample(x);
        cpu.For((long)x.Shape.N * blocks, MaxRun / 4, (start, end) =>
        {
            ReadOnlySpan<int> entries = counter.SpanOf<int>();
            uint step = (uint)entries[0], firstSample = (uint)entries[1];
            (uint key0, uint key1) = stream.Keyed != 0 ? ((uint)entries[2], (uint)entries[3]) : (stream.Key0, stream.Key1);
            Span<uint> words = stackalloc uint[MaxRun];
            while (start < end)
            {
                uint sample = (uint)(start / blocks), block = (uint)(start % blocks);
                int run = (int)Math.Min(end - start, blocks - block);
                Philox.Fill(words[..(4 * run)], block, firstSample + sample, step, stream.Purpose, key0, key1);
                int first = (int)(4 * block);
                body((int)sample * elements + first, words[..(4 * run)], Math.Min(4 * run, elements - first));
                start += run;
            }
        });
    }
}

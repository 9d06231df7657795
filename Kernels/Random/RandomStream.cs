using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A <see cref="RandomSource"/> in the form that kernels take. The counter (element / 4 within the sample, sample, step, purpose)
/// gives four words, keyed by the seed, so that words do not depend on how a batch is split over launches, threads and devices.
/// </summary>
internal struct RandomStream
{
    /// <summary>Maximum number of elements in a run of <see cref="ForRuns"/>: 4 KB of words on the stack.</summary>
    public const int MaxRunElements = 1024;

    /// <summary>Purpose of the numbers, a <see cref="RandomPurpose"/>.</summary>
    public uint Purpose;

    /// <summary>Lower word of the seed.</summary>
    public uint Key0;

    /// <summary>Upper word of the seed.</summary>
    public uint Key1;

    /// <summary>1 if the counter also holds the seed, which then replaces the key; else 0.</summary>
    public int Keyed;

    /// <summary>Body of a host loop over consecutive elements of one sample.</summary>
    /// <param name="start">Index of the first element in the tensor.</param>
    /// <param name="words">One word per element, padded to a multiple of four.</param>
    /// <param name="count">Number of elements, at most <see cref="MaxRunElements"/>.</param>
    public delegate void RunBody(int start, ReadOnlySpan<uint> words, int count);

    /// <summary>Converts a source, after checking its counter.</summary>
    /// <param name="op">Name of the op, for the error message.</param>
    /// <param name="source">Source of random numbers.</param>
    /// <param name="mayBeKeyed">Whether the op supports <see cref="Keyed"/>.</param>
    /// <exception cref="ArgumentException">The counter is not Int32 (2), or (4) if that is allowed.</exception>
    public static RandomStream Of(string op, RandomSource source, bool mayBeKeyed = false)
    {
        if (source.Counter is { Type: DType.Int32, Shape: { Rank: 1, N: var length } } && (length == 2 || (length == 4 && mayBeKeyed)))
            return new RandomStream { Purpose = (uint)source.Purpose, Key0 = source.Key0, Key1 = source.Key1, Keyed = length == 4 ? 1 : 0 };
        throw new ArgumentException($"{op}: the counter is {source.Counter}, not (2){(mayBeKeyed ? " or (4)" : "")} Int32");
    }

    /// <summary>Number of groups of four elements in a sample of a tensor (N, ...); the last may be partial.</summary>
    public static int BlocksPerSample(Tensor x) => (x.Count / x.Shape.N + 3) / 4;

    /// <summary>Returns the words of elements 4 block to 4 block + 3 of a sample.</summary>
    /// <param name="stream">Purpose and key.</param>
    /// <param name="step">First entry of the counter.</param>
    /// <param name="sample">Second entry of the counter plus the sample's index in the batch.</param>
    /// <param name="block">Index of the group of four elements within the sample.</param>
    public static Philox.Words At(RandomStream stream, int step, int sample, int block) =>
        Philox.At((uint)block, (uint)sample, (uint)step, stream.Purpose, stream.Key0, stream.Key1);

    /// <summary>Covers a tensor (N, ...) with runs and calls the body with the words of each, on all threads of the host.</summary>
    public static void ForRuns(CpuDevice cpu, RandomStream stream, Tensor counter, Tensor x, RunBody body)
    {
        int elements = x.Count / x.Shape.N, blocks = BlocksPerSample(x);
        cpu.For((long)x.Shape.N * blocks, MaxRunElements / 4, (start, end) =>
        {
            ReadOnlySpan<int> entries = counter.SpanOf<int>();
            uint step = (uint)entries[0], firstSample = (uint)entries[1];
            (uint key0, uint key1) = stream.Keyed != 0 ? ((uint)entries[2], (uint)entries[3]) : (stream.Key0, stream.Key1);
            Span<uint> words = stackalloc uint[MaxRunElements];
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

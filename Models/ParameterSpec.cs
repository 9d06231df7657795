using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// One parameter of a network: its name in files, its shape in memory and in files, and its initial values.
/// </summary>
/// <remarks>
/// Memory holds convolution kernels as (K, R, S, C) and the rows of an attention's qkv layer as [q | k | v]; files hold
/// (K, C, R, S), and channel c of q, k and v in the rows 3c, 3c + 1 and 3c + 2, as EDM's reshape to (C, 3) implies.
/// </remarks>
internal sealed record ParameterSpec(string Name, Shape Shape)
{
    /// <summary>Extents in files, slowest first.</summary>
    public required long[] FileShape { get; init; }

    /// <summary>Number of parts whose rows files interleave: 3 for qkv, otherwise 1.</summary>
    public int Parts { get; init; } = 1;

    /// <summary>Every value starts with this where <see cref="Bound"/> is 0.</summary>
    public float Constant { get; init; }

    /// <summary>Values start uniform in [-Bound, Bound].</summary>
    public float Bound { get; init; }

    /// <summary>Values in the order of files, from values in the order of memory.</summary>
    public float[] ToFileOrder(ReadOnlySpan<float> memory)
    {
        float[] file = new float[memory.Length];
        for (int k = 0, i = 0; k < Rows; k++)
            for (int tap = 0; tap < Taps; tap++)
                for (int c = 0; c < Columns; c++, i++)
                    file[FileIndex(k, tap, c)] = memory[i];
        return file;
    }

    /// <summary>Values in the order of memory, from values in the order of files.</summary>
    public float[] ToMemoryOrder(ReadOnlySpan<float> file)
    {
        float[] memory = new float[file.Length];
        for (int k = 0, i = 0; k < Rows; k++)
            for (int tap = 0; tap < Taps; tap++)
                for (int c = 0; c < Columns; c++, i++)
                    memory[i] = file[FileIndex(k, tap, c)];
        return memory;
    }

    /// <summary>
    /// Initial values in the order of memory, from Philox on the host: the same on every device. The counter is (element / 4,
    /// index of the parameter, 0, purpose).
    /// </summary>
    public float[] InitialValues(ulong seed, int index)
    {
        float[] values = new float[Shape.Count];
        if (Bound == 0)
        {
            Array.Fill(values, Constant);
            return values;
        }

        const int run = 1024;
        Span<uint> words = stackalloc uint[run];
        for (int start = 0; start < values.Length; start += run)
        {
            Philox.Fill(words, (uint)(start / 4), (uint)index, 0, (uint)RandomPurpose.Initialisation, (uint)seed, (uint)(seed >> 32));
            for (int i = start; i < Math.Min(start + run, values.Length); i++)
                values[i] = Bound * (2 * Philox.ToUnit(words[i - start]) - 1);
        }

        return values;
    }

    private int Rows => Shape[0];

    private int Taps => Shape.Rank == 4 ? Shape[1] * Shape[2] : 1;

    private int Columns => Shape.Rank == 1 ? 1 : Shape.C;

    private int FileIndex(int k, int tap, int c)
    {
        int rowsOfPart = Rows / Parts;
        int row = k % rowsOfPart * Parts + k / rowsOfPart;
        return (row * Columns + c) * Taps + tap;
    }
}

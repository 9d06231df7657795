using System.Collections.Immutable;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// One parameter of a network: its name in files, its shape in memory and in files, and its initial values.
/// </summary>
/// <remarks>
/// Memory holds convolution kernels as (K, R, S, C), and the rows of an attention's qkv layer as [q | k | v]. Files hold
/// (K, C, R, S), and channel c of q, k and v in the rows 3c, 3c + 1 and 3c + 2, as EDM's reshape to (C, 3) implies.
/// </remarks>
/// <param name="Name">Name in files.</param>
/// <param name="Shape">Extents in memory.</param>
public sealed record ParameterSpec(string Name, Shape Shape)
{
    /// <summary>Extents in files, slowest first; those of memory by default, with (K, R, S, C) as (K, C, R, S).</summary>
    public ImmutableArray<long> FileShape { get; init; } = Shape.Rank == 4
        ? [Shape[0], Shape[3], Shape[1], Shape[2]]
        : [.. Shape.ToArray().Select(extent => (long)extent)];

    /// <summary>Number of parts whose rows files interleave: 3 for qkv, otherwise 1.</summary>
    public int Parts { get; init; } = 1;

    /// <summary>Initial values, in the order of memory.</summary>
    public InitialValues Initial { get; init; }

    /// <summary>Whether only the loss of a training depends on the parameter: a student that starts from a teacher's weights begins with initial values.</summary>
    public bool IsOfLoss { get; init; }

    /// <summary>Copies values from the order of memory into that of files.</summary>
    public float[] ToFileOrder(ReadOnlySpan<float> memory)
    {
        float[] file = new float[memory.Length];
        for (int k = 0, i = 0; k < Rows; k++)
            for (int tap = 0; tap < Taps; tap++)
                for (int c = 0; c < Columns; c++, i++)
                    file[FileIndex(k, tap, c)] = memory[i];
        return file;
    }

    /// <summary>Copies values from the order of files into that of memory.</summary>
    public float[] ToMemoryOrder(ReadOnlySpan<float> file)
    {
        float[] memory = new float[file.Length];
        for (int k = 0, i = 0; k < Rows; k++)
            for (int tap = 0; tap < Taps; tap++)
                for (int c = 0; c < Columns; c++, i++)
                    memory[i] = file[FileIndex(k, tap, c)];
        return memory;
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

namespace TrigFlowNative.Kernels;

/// <summary>A weight in a slab whose rows <see cref="WeightNorm"/> normalises one by one: (Rows, Columns), without gaps.</summary>
/// <param name="Start">Index of the first element in the slab.</param>
/// <param name="Rows">Number of rows, the outputs of a convolution or matrix; at least 1.</param>
/// <param name="Columns">Number of entries K of a row; at least 1.</param>
public sealed record WeightNormPart(int Start, int Rows, int Columns)
{
    /// <summary>Factor of the normalised row, such as 1 / sqrt(K) and whatever constants of the network follow the product.</summary>
    public float Scale { get; init; } = 1f;

    /// <summary>
    /// Number of taps, R S of a convolution of memory order (K, R, S, C): an entry's input channel is its column modulo Columns / Taps. Matters to
    /// <see cref="SplitChannel"/> alone.
    /// </summary>
    public int Taps { get; init; } = 1;

    /// <summary>First input channel that <see cref="SplitScale"/> applies to, where the input is two tensors joined; null if all channels have one factor.</summary>
    public int? SplitChannel { get; init; }

    /// <summary>Factor of the channels from <see cref="SplitChannel"/> on, in place of <see cref="Scale"/>.</summary>
    public float SplitScale { get; init; } = 1f;

    /// <summary>Index in the slab of a scalar parameter whose master value multiplies all rows; -1 for none. Several parts may have the same.</summary>
    public int Gain { get; init; } = -1;

    /// <summary>Input channels: columns of a tap.</summary>
    internal int Channels => Columns / Taps;

    /// <summary>First channel of the second factor; <see cref="Channels"/> if there is none.</summary>
    internal int Split => SplitChannel ?? Channels;

    /// <summary>Index behind the last element, which may be beyond what an int holds.</summary>
    internal long End => Start + (long)Rows * Columns;

    /// <summary>Whether every four elements from a multiple of four on lie in one row and have one factor.</summary>
    internal bool IsAligned => Start % 4 == 0 && Columns % 4 == 0 && (Split == Channels || (Channels % 4 == 0 && Split % 4 == 0));
}

namespace TrigFlowNative.Engine;

/// <summary>Extents of a tensor, at most four, slowest first: (N, H, W, C) for activations, (K, R, S, C) for convolution weights.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly int d0, d1, d2, d3;

    /// <summary>Creates a shape.</summary>
    /// <param name="extents">One to four positive extents, slowest first.</param>
    /// <exception cref="ArgumentException">There is no extent, there are more than four, or one is below 1.</exception>
    public Shape(params ReadOnlySpan<int> extents)
    {
        if (extents.Length is < 1 or > 4)
            throw new ArgumentException($"a shape has one to four extents, not {extents.Length}");
        foreach (int extent in extents)
            if (extent < 1)
                throw new ArgumentException($"extents are positive, not ({string.Join(", ", extents.ToArray())})");
        Rank = extents.Length;
        d0 = extents[0];
        d1 = Rank > 1 ? extents[1] : 1;
        d2 = Rank > 2 ? extents[2] : 1;
        d3 = Rank > 3 ? extents[3] : 1;
    }

    /// <summary>Number of extents, 1 to 4.</summary>
    public int Rank { get; }

    /// <summary>Product of the extents.</summary>
    public long Count => (long)d0 * d1 * d2 * d3;

    /// <summary>Extent of an axis; negative axes count from the end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The shape has no such axis.</exception>
    public int this[int axis] => (axis < 0 ? axis + Rank : axis) switch
    {
        0 when Rank > 0 => d0,
        1 when Rank > 1 => d1,
        2 when Rank > 2 => d2,
        3 when Rank > 3 => d3,
        _ => throw new ArgumentOutOfRangeException(nameof(axis), axis, $"{this} has {Rank} axes"),
    };

    /// <summary>First extent: images of the batch.</summary>
    public int N => d0;

    /// <summary>Height of an (N, H, W, C) shape: the second extent.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The shape has no second axis.</exception>
    public int H => this[1];

    /// <summary>Width of an (N, H, W, C) shape: the third extent.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The shape has no third axis.</exception>
    public int W => this[2];

    /// <summary>Last extent: channels.</summary>
    public int C => this[-1];

    /// <summary>Whether rank and extents are equal.</summary>
    public bool Equals(Shape other) =>
        Rank == other.Rank && d0 == other.d0 && d1 == other.d1 && d2 == other.d2 && d3 == other.d3;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rank, d0, d1, d2, d3);

    /// <summary>Whether rank and extents are equal.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Whether rank or extents differ.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>The extents as an array, slowest first.</summary>
    public int[] ToArray() => new[] { d0, d1, d2, d3 }[..Rank];

    /// <summary>Formats the extents as (N, H, W, C).</summary>
    public override string ToString() => $"({string.Join(", ", ToArray())})";
}

using ILGPU;

namespace TrigFlowNative.Kernels.Device;

/// <summary>How a kernel reaches four consecutive elements of a row, some or all of which may lie beyond the row's end.</summary>
/// <remarks>
/// Loading and masking are apart, and neither branches: a kernel starts all its loads at once, computes while they are in
/// flight, and masks when it first needs the values.
/// </remarks>
internal interface IFloat4Access
{
    /// <summary>The elements from index on; the values of those at <paramref name="count"/> and beyond are any of the view's.</summary>
    static abstract Float4 Load(ArrayView<float> view, int index, int count);

    /// <summary>The first <paramref name="count"/> of four values and zeros.</summary>
    static abstract Float4 Mask(Float4 value, int count);

    /// <summary>Stores the first <paramref name="count"/> of four values.</summary>
    static abstract void Store(ArrayView<float> view, int index, int count, Float4 value);
}

/// <summary>One 16-byte access. Rows must start at multiples of four elements and hold a multiple of four.</summary>
internal readonly struct AlignedAccess : IFloat4Access
{
    public static Float4 Load(ArrayView<float> view, int index, int count) => view.Cast<Float4>()[count > 0 ? index >> 2 : 0];

    public static Float4 Mask(Float4 value, int count) => new()
    {
        X = count > 0 ? value.X : 0f,
        Y = count > 0 ? value.Y : 0f,
        Z = count > 0 ? value.Z : 0f,
        W = count > 0 ? value.W : 0f,
    };

    public static void Store(ArrayView<float> view, int index, int count, Float4 value)
    {
        if (count > 0)
            view.Cast<Float4>()[index >> 2] = value;
    }
}

/// <summary>Element by element, for rows of any length.</summary>
internal readonly struct SingleAccess : IFloat4Access
{
    public static Float4 Load(ArrayView<float> view, int index, int count) => new()
    {
        X = view[count > 0 ? index : 0],
        Y = view[count > 1 ? index + 1 : 0],
        Z = view[count > 2 ? index + 2 : 0],
        W = view[count > 3 ? index + 3 : 0],
    };

    public static Float4 Mask(Float4 value, int count) => new()
    {
        X = count > 0 ? value.X : 0f,
        Y = count > 1 ? value.Y : 0f,
        Z = count > 2 ? value.Z : 0f,
        W = count > 3 ? value.W : 0f,
    };

    public static void Store(ArrayView<float> view, int index, int count, Float4 value)
    {
        if (count > 0)
            view[index] = value.X;
        if (count > 1)
            view[index + 1] = value.Y;
        if (count > 2)
            view[index + 2] = value.Z;
        if (count > 3)
            view[index + 3] = value.W;
    }
}

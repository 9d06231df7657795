using System.Runtime.CompilerServices;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A thread's share of a tile of 32 rows by 64 columns: rows 4 ty + r, columns 4 tx + (0..3) (Near) and 32 + 4 tx + (0..3) (Far),
/// for a group of 8 by 8 threads. Columns are split so that the eight threads of a row read 128 consecutive bytes at a time.
/// </summary>
internal struct AttentionTile
{
    public Float4 Near0;
    public Float4 Far0;
    public Float4 Near1;
    public Float4 Far1;
    public Float4 Near2;
    public Float4 Far2;
    public Float4 Near3;
    public Float4 Far3;

    public static AttentionTile Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            Float4 zero = Float4.All(0f);
            return Of(zero, zero, zero, zero, zero, zero, zero, zero);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionTile Of(Float4 n0, Float4 f0, Float4 n1, Float4 f1, Float4 n2, Float4 f2, Float4 n3, Float4 f3)
    {
        AttentionTile tile;
        tile.Near0 = n0;
        tile.Far0 = f0;
        tile.Near1 = n1;
        tile.Far1 = f1;
        tile.Near2 = n2;
        tile.Far2 = f2;
        tile.Near3 = n3;
        tile.Far3 = f3;
        return tile;
    }

    /// <summary>Returns c plus the outer product of four rows' factors and eight columns' factors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionTile MultiplyAdd(Float4 rows, Float4 near, Float4 far, AttentionTile c) => Of(
        Float4.MultiplyAdd(rows.X, near, c.Near0), Float4.MultiplyAdd(rows.X, far, c.Far0),
        Float4.MultiplyAdd(rows.Y, near, c.Near1), Float4.MultiplyAdd(rows.Y, far, c.Far1),
        Float4.MultiplyAdd(rows.Z, near, c.Near2), Float4.MultiplyAdd(rows.Z, far, c.Far2),
        Float4.MultiplyAdd(rows.W, near, c.Near3), Float4.MultiplyAdd(rows.W, far, c.Far3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionTile operator *(AttentionTile a, AttentionTile b) => Of(
        a.Near0 * b.Near0, a.Far0 * b.Far0, a.Near1 * b.Near1, a.Far1 * b.Far1,
        a.Near2 * b.Near2, a.Far2 * b.Far2, a.Near3 * b.Near3, a.Far3 * b.Far3);

    /// <summary>Subtracts each row's own value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionTile operator -(AttentionTile a, Float4 rows) => Of(
        a.Near0 - rows.X, a.Far0 - rows.X, a.Near1 - rows.Y, a.Far1 - rows.Y,
        a.Near2 - rows.Z, a.Far2 - rows.Z, a.Near3 - rows.W, a.Far3 - rows.W);

    /// <summary>Subtracts each column's own value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionTile LessColumns(AttentionTile a, Float4 near, Float4 far) => Of(
        a.Near0 - near, a.Far0 - far, a.Near1 - near, a.Far1 - far, a.Near2 - near, a.Far2 - far, a.Near3 - near, a.Far3 - far);

    /// <summary>Sets the columns from <paramref name="valid"/> on, counted from this thread's first, to minus infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionTile Mask(AttentionTile a, int valid) => Of(
        Mask(a.Near0, valid), Mask(a.Far0, valid - 32), Mask(a.Near1, valid), Mask(a.Far1, valid - 32),
        Mask(a.Near2, valid), Mask(a.Far2, valid - 32), Mask(a.Near3, valid), Mask(a.Far3, valid - 32));

    /// <summary>Multiplies each row by its own value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionTile operator *(Float4 rows, AttentionTile a) => Of(
        rows.X * a.Near0, rows.X * a.Far0, rows.Y * a.Near1, rows.Y * a.Far1,
        rows.Z * a.Near2, rows.Z * a.Far2, rows.W * a.Near3, rows.W * a.Far3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionTile Exp(AttentionTile a) => Of(
        Float4.Exp(a.Near0), Float4.Exp(a.Far0), Float4.Exp(a.Near1), Float4.Exp(a.Far1),
        Float4.Exp(a.Near2), Float4.Exp(a.Far2), Float4.Exp(a.Near3), Float4.Exp(a.Far3));

    /// <summary>The maximum of each row's eight elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 RowMax(AttentionTile a) => Float4.Of(
        Max(Float4.Max(a.Near0, a.Far0)), Max(Float4.Max(a.Near1, a.Far1)),
        Max(Float4.Max(a.Near2, a.Far2)), Max(Float4.Max(a.Near3, a.Far3)));

    /// <summary>The sum of each row's eight elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 RowSum(AttentionTile a) => Float4.Of(
        Total(a.Near0 + a.Far0), Total(a.Near1 + a.Far1), Total(a.Near2 + a.Far2), Total(a.Near3 + a.Far3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Mask(Float4 a, int valid) => Float4.Of(
        valid > 0 ? a.X : float.NegativeInfinity, valid > 1 ? a.Y : float.NegativeInfinity,
        valid > 2 ? a.Z : float.NegativeInfinity, valid > 3 ? a.W : float.NegativeInfinity);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Max(Float4 a) => MathF.Max(MathF.Max(a.X, a.Y), MathF.Max(a.Z, a.W));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Total(Float4 a) => (a.X + a.Y) + (a.Z + a.W);
}

/// <summary>A tile and its tangent.</summary>
internal struct AttentionDual
{
    public AttentionTile Primal;
    public AttentionTile Tangent;

    public static AttentionDual Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            AttentionDual dual;
            dual.Primal = AttentionTile.Zero;
            dual.Tangent = AttentionTile.Zero;
            return dual;
        }
    }
}

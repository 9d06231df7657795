using System.Numerics;

namespace TrigFlowNative.Training.Data;

/// <summary>Outlines and patterns of emblems around the origin, as distances and shares of a pixel.</summary>
internal static class EmblemShape
{
    private const float Fifth = MathF.Tau / 5, Sixth = MathF.Tau / 6;

    /// <summary>The signed distance to an outline of circumradius r, negative inside; near the outline exact, or close to it for the flower.</summary>
    internal static float Distance(EmblemKind kind, Vector2 point, float r) => kind switch
    {
        <= EmblemKind.Cross => SignedDistance.To((ShapeKind)kind, point, r),
        EmblemKind.Star => Star(Folded(point, Fifth), r),
        EmblemKind.Heart => Heart(point, 0.5f * r),
        EmblemKind.Crescent => MathF.Max(point.Length() - r, 0.75f * r - (point - new Vector2(0.42f * r, 0)).Length()),
        EmblemKind.Hexagon => Folded(point, Sixth).X - r * MathF.Cos(Sixth / 2),
        EmblemKind.Flower => Flower(point, r),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>The share of a pixel, 0 to 1, that a pattern paints in the second colour.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="point">The pixel's centre.</param>
    /// <param name="period">Pixels after which the pattern repeats.</param>
    internal static float Share(EmblemPattern pattern, Vector2 point, float period)
    {
        if (pattern == EmblemPattern.Plain)
            return 0;
        if (pattern == EmblemPattern.Dotted)
            return Covered(new Vector2(OffCentre(point.X, period), OffCentre(point.Y, period)).Length() - 0.3f * period);
        float across = Covered(MathF.Abs(OffCentre(point.X, period)) - 0.25f * period);
        if (pattern == EmblemPattern.Striped)
            return across;
        float down = Covered(MathF.Abs(OffCentre(point.Y, period)) - 0.25f * period);
        return across * down + (1 - across) * (1 - down);
    }

    /// <summary>The share of a pixel inside an outline at a signed distance: it rises linearly over one pixel's width.</summary>
    internal static float Covered(float distance) => Math.Clamp(0.5f - distance, 0, 1);

    /// <summary>The distance from the middle of the period in which a coordinate lies.</summary>
    private static float OffCentre(float at, float period) => at - period * (MathF.Floor(at / period) + 0.5f);

    /// <summary>The point turned into the sector about the x axis that repeats, and mirrored to positive y.</summary>
    private static Vector2 Folded(Vector2 point, float sector)
    {
        float angle = MathF.Atan2(point.X, -point.Y);
        angle -= sector * MathF.Round(angle / sector);
        return point.Length() * new Vector2(MathF.Cos(angle), MathF.Abs(MathF.Sin(angle)));
    }

    private static float Star(Vector2 folded, float r)
    {
        (float sin, float cos) = MathF.SinCos(Fifth / 2);
        Vector2 tip = new(r, 0), notch = 0.45f * r * new Vector2(cos, sin), along = Vector2.Normalize(notch - tip);
        return Vector2.Dot(folded - tip, new Vector2(along.Y, -along.X));
    }

    /// <summary>A square on its corner, and discs on the midpoints of its upper sides, all of half-width h.</summary>
    private static float Heart(Vector2 point, float h)
    {
        const float Cos45 = 0.70710678f;
        var side = new Vector2(MathF.Abs(point.X), point.Y);
        float square = (MathF.Abs(point.X) + MathF.Abs(point.Y)) * Cos45 - h;
        return MathF.Min(square, (side - h * new Vector2(Cos45, -Cos45)).Length() - h);
    }

    private static float Flower(Vector2 point, float r)
    {
        (float sin, float cos) = MathF.SinCos(5 * MathF.Atan2(point.X, -point.Y));
        float edge = r * (0.75f + 0.25f * cos), slope = -1.25f * r * sin / edge;
        return (point.Length() - edge) / MathF.Sqrt(1 + slope * slope);
    }
}

using System.Numerics;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Signed distances to the outlines of shapes with circumradius r around the origin, negative inside. They are exact near straight edges
/// and arcs, where the coverage of pixels depends on them.
/// </summary>
internal static class SignedDistance
{
    internal static float To(ShapeKind kind, Vector2 point, float r) => kind switch
    {
        ShapeKind.Disc => point.Length() - r,
        ShapeKind.Ring => MathF.Abs(point.Length() - 0.73f * r) - 0.27f * r,
        ShapeKind.Square => Box(point, 0.8f * r, 0.8f * r),
        ShapeKind.Triangle => Triangle(point, r),
        ShapeKind.Cross => MathF.Min(Box(point, r, 0.3f * r), Box(point, 0.3f * r, r)),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static float Box(Vector2 point, float halfWidth, float halfHeight)
    {
        Vector2 outside = Vector2.Abs(point) - new Vector2(halfWidth, halfHeight);
        return MathF.Max(outside.X, outside.Y);
    }

    // The largest of the distances to three lines, which lie half the circumradius away from the centre.
    private static float Triangle(Vector2 point, float r)
    {
        const float Half = 0.5f;
        const float Cos30 = 0.8660254f;
        return MathF.Max(MathF.Abs(point.X) * Cos30 - point.Y * Half, point.Y) - Half * r;
    }
}

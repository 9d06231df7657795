using System.Numerics;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Images that the program draws itself, so that it can be tried without a download: one anti-aliased shape each, of random kind, colour,
/// size, place and rotation, on a plain or slightly shaded, dark or light ground. The kind is the label. An image depends on the
/// resolution and its number alone; training and held-out images share none.
/// </summary>
public static class SyntheticShapes
{
    private const int TrainCount = 1 << 16;
    private const int HeldOutCount = 1 << 12;

    // Luma that separates a shape from a dark and from a light ground.
    private const float LeastLumaOnDark = 0.4f;
    private const float MostLumaOnLight = 0.5f;

    /// <summary>Number of <see cref="ShapeKind"/>s.</summary>
    public static int KindCount { get; } = Enum.GetValues<ShapeKind>().Length;

    /// <summary>65,536 images to train on and 4,096 held out.</summary>
    /// <param name="resolution">Height and width, at least 8.</param>
    /// <param name="channels">1 or 3.</param>
    public static DatasetSplit MakeDataset(int resolution, int channels) =>
        new(Draw(RandomPurpose.TrainShapes, TrainCount, resolution, channels), Draw(RandomPurpose.HeldOutShapes, HeldOutCount, resolution, channels));

    internal static IImageDataset Draw(RandomPurpose purpose, int count, int resolution, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resolution, 8);
        ImageFit fit = new(resolution, channels);
        ImageStore store = new(ImageDataset.Synthetic, count, resolution, channels);
        int[] labels = new int[count];
        Parallel.For(0, count, () => new byte[resolution * resolution * 3], (index, _, rgb) =>
        {
            labels[index] = (int)DrawOne(purpose, index, resolution, rgb);
            fit.Apply(rgb, resolution, resolution, 3, store.Pixels(index));
            return rgb;
        }, _ => { });
        store.SetLabels(labels, KindCount);
        return store;
    }

    /// <summary>Draws one image into (H, W, 3) bytes.</summary>
    private static ShapeKind DrawOne(RandomPurpose purpose, int index, int resolution, Span<byte> rgb)
    {
        CounterStream random = CounterStream.For(purpose, seed: 0, index);
        ShapeKind kind = (ShapeKind)random.NextIndex(KindCount);
        bool dark = random.NextIndex(2) == 0;
        (Vector3 near, Vector3 far) = PickGround(ref random, dark);
        Vector3 color = PickColor(ref random, dark);
        Vector2 shade = Direction(random.NextSingle(0, MathF.Tau)) / resolution;

        float radius = random.NextSingle(0.28f, 0.44f) * resolution;
        float reach = resolution - 2 * (radius + 0.5f);
        Vector2 center = new Vector2(random.NextSingle(0, reach), random.NextSingle(0, reach)) + new Vector2(radius + 0.5f);
        Vector2 axis = Direction(PickAngle(ref random, kind));

        for (int y = 0; y < resolution; y++)
        {
            for (int x = 0; x < resolution; x++)
            {
                Vector2 point = new(x + 0.5f, y + 0.5f);
                Vector2 fromCenter = point - center;
                Vector2 turned = new(Vector2.Dot(axis, fromCenter), axis.X * fromCenter.Y - axis.Y * fromCenter.X);

                // A pixel is covered in proportion to how far its centre is inside, over one pixel's width.
                float coverage = Math.Clamp(0.5f - SignedDistance.To(kind, turned, radius), 0, 1);
                float blend = 0.5f + Vector2.Dot(shade, point - new Vector2(0.5f * resolution));
                Vector3 pixel = Vector3.Lerp(Vector3.Lerp(near, far, blend), color, coverage);
                Store(pixel, rgb.Slice((y * resolution + x) * 3, 3));
            }
        }

        return kind;
    }

    private static Vector2 Direction(float angle)
    {
        (float sin, float cos) = MathF.SinCos(angle);
        return new Vector2(cos, sin);
    }

    // Within one symmetry of the shape everything else is a repetition; crosses tilt a little only, so that they stay what they are.
    private static float PickAngle(ref CounterStream random, ShapeKind kind) => kind switch
    {
        ShapeKind.Square => random.NextSingle(0, MathF.PI / 2),
        ShapeKind.Triangle or ShapeKind.Crescent => random.NextSingle(0, MathF.Tau),
        ShapeKind.Cross => random.NextSingle(-MathF.PI / 8, MathF.PI / 8),
        _ => 0,
    };

    // The two ends of the ground's gradient; half of all grounds are plain.
    private static (Vector3 Near, Vector3 Far) PickGround(ref CounterStream random, bool dark)
    {
        float level = dark ? random.NextSingle(0.02f, 0.12f) : random.NextSingle(0.86f, 0.96f);
        Vector3 tint = new(random.NextSingle(-0.03f, 0.03f), random.NextSingle(-0.03f, 0.03f), random.NextSingle(-0.03f, 0.03f));
        Vector3 ground = new Vector3(level) + tint;
        float difference = random.NextIndex(2) == 0 ? 0 : random.NextSingle(0.03f, 0.1f);
        return (ground, ground + new Vector3(dark ? difference : -difference));
    }

    // A saturated hue, mixed with white or darkened until it stands out from the ground.
    private static Vector3 PickColor(ref CounterStream random, bool dark)
    {
        float hue = random.NextSingle(0, 6);
        float saturation = random.NextSingle(0.8f, 1);
        Vector3 wheel = new(MathF.Abs(hue - 3) - 1, 2 - MathF.Abs(hue - 2), 2 - MathF.Abs(hue - 4));
        Vector3 color = Vector3.Lerp(Vector3.One, Vector3.Clamp(wheel, Vector3.Zero, Vector3.One), saturation);
        float luma = Vector3.Dot(color, new Vector3(0.299f, 0.587f, 0.114f));
        if (dark)
            return luma >= LeastLumaOnDark ? color : Vector3.Lerp(color, Vector3.One, (LeastLumaOnDark - luma) / (1 - luma));
        return luma <= MostLumaOnLight ? color : color * (MostLumaOnLight / luma);
    }

    private static void Store(Vector3 color, Span<byte> pixel)
    {
        Vector3 scaled = Vector3.Clamp(color, Vector3.Zero, Vector3.One) * 255 + new Vector3(0.5f);
        pixel[0] = (byte)scaled.X;
        pixel[1] = (byte)scaled.Y;
        pixel[2] = (byte)scaled.Z;
    }
}

using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Images that the program draws itself, so that it can be tried without a download: one anti-aliased shape each, of random kind, colour,
/// size and place, on a dark ground of random tint. The kind is the label. An image depends on the resolution and its number alone;
/// training and held-out images share none. Upright shapes on one kind of ground: a network must learn them in a minute on a CPU.
/// </summary>
public static class SyntheticShapes
{
    /// <summary>The name of the data set.</summary>
    public const string Name = "synthetic";

    private const int TrainCount = 1 << 16;
    private const int HeldOutCount = 1 << 12;

    // Luma that separates a shape from the ground.
    private const float LeastLuma = 0.4f;

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
        ImageStore store = new(Name, count, resolution, channels);
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
        Vector3 ground = PickGround(ref random);
        Vector3 color = PickColor(ref random);

        float radius = random.NextSingle(0.3f, 0.45f) * resolution;
        float reach = resolution - 2 * (radius + 0.5f);
        Vector2 center = new Vector2(random.NextSingle(0, reach), random.NextSingle(0, reach)) + new Vector2(radius + 0.5f);

        for (int y = 0; y < resolution; y++)
        {
            for (int x = 0; x < resolution; x++)
            {
                Vector2 point = new(x + 0.5f, y + 0.5f);

                // A pixel is covered in proportion to how far its centre is inside, over one pixel's width.
                float coverage = Math.Clamp(0.5f - SignedDistance.To(kind, point - center, radius), 0, 1);
                Store(Vector3.Lerp(ground, color, coverage), rgb.Slice((y * resolution + x) * 3, 3));
            }
        }

        return kind;
    }

    private static Vector3 PickGround(ref CounterStream random) =>
        new Vector3(random.NextSingle(0.04f, 0.14f)) + new Vector3(random.NextSingle(-0.03f, 0.03f), random.NextSingle(-0.03f, 0.03f), random.NextSingle(-0.03f, 0.03f));

    // A saturated hue, mixed with white until it stands out from the ground.
    private static Vector3 PickColor(ref CounterStream random)
    {
        float hue = random.NextSingle(0, 6);
        float saturation = random.NextSingle(0.8f, 1);
        Vector3 wheel = new(MathF.Abs(hue - 3) - 1, 2 - MathF.Abs(hue - 2), 2 - MathF.Abs(hue - 4));
        Vector3 color = Vector3.Lerp(Vector3.One, Vector3.Clamp(wheel, Vector3.Zero, Vector3.One), saturation);
        float luma = Vector3.Dot(color, new Vector3(0.299f, 0.587f, 0.114f));
        return luma >= LeastLuma ? color : Vector3.Lerp(color, Vector3.One, (LeastLuma - luma) / (1 - luma));
    }

    private static void Store(Vector3 color, Span<byte> pixel)
    {
        Vector3 scaled = Vector3.Clamp(color, Vector3.Zero, Vector3.One) * 255 + new Vector3(0.5f);
        pixel[0] = (byte)scaled.X;
        pixel[1] = (byte)scaled.Y;
        pixel[2] = (byte)scaled.Z;
    }
}

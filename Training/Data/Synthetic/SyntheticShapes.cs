using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Images that the program draws itself, so that it can be tried without a download. Each shows one anti-aliased shape of random kind, colour,
/// size and place on a dark ground of random tint. The kind is the label. An image depends only on the resolution and its index; training
/// and held-out images are disjoint. Shapes stand upright on one kind of ground, so that a network learns them in a minute on a CPU.
/// </summary>
public static class SyntheticShapes
{
    /// <summary>Name of the data set.</summary>
    public const string Name = "synthetic";

    private const int TrainImages = 1 << 16;
    private const int HeldOutImages = 1 << 12;

    // Smallest luma at which a shape stands out from the ground.
    private const float MinLuma = 0.4f;

    /// <summary>Number of <see cref="ShapeKind"/>s.</summary>
    public static int KindCount { get; } = Enum.GetValues<ShapeKind>().Length;

    /// <summary>Draws 65,536 images to train on and 4,096 held-out ones.</summary>
    /// <param name="resolution">Height and width in pixels, at least 8.</param>
    /// <param name="channels">1 for gray, 3 for colour.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <exception cref="InvalidFileException">The images do not fit into memory.</exception>
    public static DatasetSplit MakeDataset(int resolution, int channels)
    {
        DatasetSplit split = new(Draw(RandomPurpose.TrainShapes, TrainImages, resolution, channels), Draw(RandomPurpose.HeldOutShapes, HeldOutImages, resolution, channels));
        return split with
        {
            Description = split.Description with
            {
                Format = "synthetic shapes",
                ClassNames = [.. Enum.GetNames<ShapeKind>().Select(name => name.ToLowerInvariant())],
                Fitting = new SourceFitting(resolution, resolution, resolution, resolution, resolution, channels) { Images = TrainImages + HeldOutImages },
            },
        };
    }

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

    /// <summary>Draws one image into (H, W, 3) bytes and returns its kind.</summary>
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

                // A pixel's coverage rises linearly over one pixel's width, as its centre moves inside the shape.
                float coverage = Math.Clamp(0.5f - SignedDistance.To(kind, point - center, radius), 0, 1);
                Store(Vector3.Lerp(ground, color, coverage), rgb.Slice((y * resolution + x) * 3, 3));
            }
        }

        return kind;
    }

    private static Vector3 PickGround(ref CounterStream random) =>
        new Vector3(random.NextSingle(0.04f, 0.14f)) + new Vector3(random.NextSingle(-0.03f, 0.03f), random.NextSingle(-0.03f, 0.03f), random.NextSingle(-0.03f, 0.03f));

    // The colour is a saturated hue, mixed with white until it stands out from the ground.
    private static Vector3 PickColor(ref CounterStream random)
    {
        float hue = random.NextSingle(0, 6);
        float saturation = random.NextSingle(0.8f, 1);
        Vector3 wheel = new(MathF.Abs(hue - 3) - 1, 2 - MathF.Abs(hue - 2), 2 - MathF.Abs(hue - 4));
        Vector3 color = Vector3.Lerp(Vector3.One, Vector3.Clamp(wheel, Vector3.Zero, Vector3.One), saturation);
        float luma = Vector3.Dot(color, new Vector3(0.299f, 0.587f, 0.114f));
        return luma >= MinLuma ? color : Vector3.Lerp(color, Vector3.One, (MinLuma - luma) / (1 - luma));
    }

    private static void Store(Vector3 color, Span<byte> pixel)
    {
        Vector3 scaled = Vector3.Clamp(color, Vector3.Zero, Vector3.One) * 255 + new Vector3(0.5f);
        pixel[0] = (byte)scaled.X;
        pixel[1] = (byte)scaled.Y;
        pixel[2] = (byte)scaled.Z;
    }
}

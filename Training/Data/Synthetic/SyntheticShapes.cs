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

    /// <summary>Number of <see cref="ShapeKind"/>s.</summary>
    public static int KindCount { get; } = Enum.GetValues<ShapeKind>().Length;

    /// <summary>Draws 65,536 images to train on and 4,096 held-out ones.</summary>
    /// <param name="resolution">Height and width in pixels, at least 8.</param>
    /// <param name="channels">1 for gray, 3 for colour.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <exception cref="InvalidFileException">The images do not fit into memory.</exception>
    public static DatasetSplit MakeDataset(int resolution, int channels) => SyntheticImages.Split(
        "synthetic shapes", [.. Enum.GetNames<ShapeKind>().Select(name => name.ToLowerInvariant())], resolution, channels, (purpose, count) => Draw(purpose, count, resolution, channels));

    internal static IImageDataset Draw(RandomPurpose purpose, int count, int resolution, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resolution, 8);
        return SyntheticImages.Draw(Name, count, KindCount, resolution, channels, (index, rgb) => (int)DrawOne(purpose, index, resolution, rgb));
    }

    /// <summary>Draws one image into (H, W, 3) bytes and returns its kind.</summary>
    private static ShapeKind DrawOne(RandomPurpose purpose, int index, int resolution, Span<byte> rgb)
    {
        CounterStream random = CounterStream.For(purpose, seed: 0, index);
        ShapeKind kind = (ShapeKind)random.NextIndex(KindCount);
        Vector3 ground = SyntheticImages.PickGround(ref random);
        Vector3 color = SyntheticImages.PickColor(ref random);

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
                SyntheticImages.Store(Vector3.Lerp(ground, color, coverage), rgb.Slice((y * resolution + x) * 3, 3));
            }
        }

        return kind;
    }
}

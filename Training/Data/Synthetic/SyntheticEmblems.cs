using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Images of 40 classes that the program draws itself, for networks of larger pictures: one of ten outlines, filled in one of four ways with two colours of a
/// hue, of random size, place and turn, on a ground that shades from one dark tint to another. The class is the outline and the filling. An image depends only on the
/// resolution and its index; training and held-out images are disjoint.
/// </summary>
public static class SyntheticEmblems
{
    /// <summary>Name of the data set.</summary>
    public const string Name = "synthetic-emblems";

    private static readonly int Patterns = Enum.GetValues<EmblemPattern>().Length;

    /// <summary>The classes by name, such as "striped star".</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
    [
        .. from kind in Enum.GetNames<EmblemKind>()
           from pattern in Enum.GetNames<EmblemPattern>()
           select $"{pattern} {kind}".ToLowerInvariant(),
    ];

    /// <summary>Draws 65,536 images to train on and 4,096 held-out ones.</summary>
    /// <param name="resolution">Height and width in pixels, at least 16.</param>
    /// <param name="channels">1 for gray, 3 for colour.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <exception cref="InvalidFileException">The images do not fit into memory.</exception>
    public static DatasetSplit MakeDataset(int resolution, int channels) =>
        SyntheticImages.Split("synthetic emblems", ClassNames, resolution, channels, (purpose, count) => Draw(purpose, count, resolution, channels));

    internal static IImageDataset Draw(RandomPurpose purpose, int count, int resolution, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resolution, 16);
        return SyntheticImages.Draw(Name, count, ClassNames.Count, resolution, channels, (index, rgb) => DrawOne(CounterStream.For(purpose, seed: 1, index), resolution, rgb));
    }

    /// <summary>Draws one image into (H, W, 3) bytes and returns its class.</summary>
    private static int DrawOne(CounterStream random, int resolution, Span<byte> rgb)
    {
        int label = random.NextIndex(ClassNames.Count);
        (EmblemKind kind, EmblemPattern pattern) = ((EmblemKind)(label / Patterns), (EmblemPattern)(label % Patterns));
        Vector3 from = SyntheticImages.PickGround(ref random), to = from + new Vector3(random.NextSingle(0, 0.25f), random.NextSingle(0, 0.25f), random.NextSingle(0, 0.25f));
        Vector3 first = SyntheticImages.PickColor(ref random), second = Vector3.Lerp(first, random.NextSingle(0, 1) < 0.5f ? Vector3.One : Vector3.Zero, 0.7f);
        (float groundSin, float groundCos) = MathF.SinCos(random.NextSingle(0, MathF.Tau));
        (float sin, float cos) = MathF.SinCos(random.NextSingle(-MathF.PI / 8, MathF.PI / 8));

        float radius = random.NextSingle(0.3f, 0.45f) * resolution, reach = resolution - 2 * (radius + 0.5f), half = 0.5f * resolution;
        Vector2 centre = new Vector2(random.NextSingle(0, reach), random.NextSingle(0, reach)) + new Vector2(radius + 0.5f);
        float period = radius * random.NextSingle(0.4f, 0.5f);
        for (int y = 0; y < resolution; y++)
        {
            for (int x = 0; x < resolution; x++)
            {
                Vector2 pixel = new(x + 0.5f, y + 0.5f), at = pixel - centre, turned = new(cos * at.X + sin * at.Y, cos * at.Y - sin * at.X);
                Vector3 ground = Vector3.Lerp(from, to, 0.5f + 0.35f * ((pixel.X - half) * groundCos + (pixel.Y - half) * groundSin) / half);
                Vector3 emblem = Vector3.Lerp(first, second, EmblemShape.Share(pattern, turned, period));
                SyntheticImages.Store(Vector3.Lerp(ground, emblem, EmblemShape.Covered(EmblemShape.Distance(kind, turned, radius))), rgb.Slice((y * resolution + x) * 3, 3));
            }
        }

        return label;
    }
}

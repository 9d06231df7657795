using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>What the data sets that the program draws itself have in common: their names, sizes and colours.</summary>
internal static class SyntheticImages
{
    private const int TrainImages = 1 << 16;
    private const int HeldOutImages = 1 << 12;

    // Smallest luma at which a shape stands out from the ground.
    private const float MinLuma = 0.4f;

    /// <summary>Draws an image into (H, W, 3) bytes and returns its label.</summary>
    internal delegate int Painter(int index, Span<byte> rgb);

    /// <summary>Whether a data set's name is that of one which the program draws.</summary>
    internal static bool IsName(string spec) => spec is SyntheticShapes.Name or SyntheticEmblems.Name;

    /// <summary>Draws the data set of a name, for which <see cref="IsName"/> holds.</summary>
    internal static DatasetSplit Make(string name, int resolution, int channels) =>
        name == SyntheticEmblems.Name ? SyntheticEmblems.MakeDataset(resolution, channels) : SyntheticShapes.MakeDataset(resolution, channels);

    /// <summary>Draws both parts of a data set and describes them.</summary>
    internal static DatasetSplit Split(string format, IReadOnlyList<string> classNames, int resolution, int channels, Func<RandomPurpose, int, IImageDataset> draw)
    {
        DatasetSplit split = new(draw(RandomPurpose.TrainShapes, TrainImages), draw(RandomPurpose.HeldOutShapes, HeldOutImages));
        return split with
        {
            Description = split.Description with
            {
                Format = format,
                ClassNames = classNames,
                Fitting = new SourceFitting(resolution, resolution, resolution, resolution, resolution, channels) { Images = TrainImages + HeldOutImages },
            },
        };
    }

    /// <summary>Draws images on all cores.</summary>
    internal static IImageDataset Draw(string name, int count, int labelCount, int resolution, int channels, Painter painter)
    {
        ImageFit fit = new(resolution, channels);
        ImageStore store = new(name, count, resolution, channels);
        int[] labels = new int[count];
        Parallel.For(0, count, () => new byte[resolution * resolution * 3], (index, _, rgb) =>
        {
            labels[index] = painter(index, rgb);
            fit.Apply(rgb, resolution, resolution, 3, store.Pixels(index));
            return rgb;
        }, _ => { });
        store.SetLabels(labels, labelCount);
        return store;
    }

    internal static Vector3 PickGround(ref CounterStream random) =>
        new Vector3(random.NextSingle(0.04f, 0.14f)) + new Vector3(random.NextSingle(-0.03f, 0.03f), random.NextSingle(-0.03f, 0.03f), random.NextSingle(-0.03f, 0.03f));

    // The colour is a saturated hue, mixed with white until it stands out from the ground.
    internal static Vector3 PickColor(ref CounterStream random)
    {
        float hue = random.NextSingle(0, 6);
        float saturation = random.NextSingle(0.8f, 1);
        Vector3 wheel = new(MathF.Abs(hue - 3) - 1, 2 - MathF.Abs(hue - 2), 2 - MathF.Abs(hue - 4));
        Vector3 color = Vector3.Lerp(Vector3.One, Vector3.Clamp(wheel, Vector3.Zero, Vector3.One), saturation);
        float luma = Vector3.Dot(color, new Vector3(0.299f, 0.587f, 0.114f));
        return luma >= MinLuma ? color : Vector3.Lerp(color, Vector3.One, (MinLuma - luma) / (1 - luma));
    }

    internal static void Store(Vector3 color, Span<byte> pixel)
    {
        Vector3 scaled = Vector3.Clamp(color, Vector3.Zero, Vector3.One) * 255 + new Vector3(0.5f);
        pixel[0] = (byte)scaled.X;
        pixel[1] = (byte)scaled.Y;
        pixel[2] = (byte)scaled.Z;
    }
}

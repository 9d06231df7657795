using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// What a fixture's results were computed from, besides the weights, with images turned to (N, H, W, C) and one-hot rows to class numbers. The cotangent of
/// logvar is null if the file has no logvar.
/// </summary>
internal sealed record FixtureInputs(
    Shape Shape, float[] X, float[] T, int[]? Labels, float[] TangentX, float[] TangentT, float[] Cotangent, float[]? LogvarCotangent)
{
    public static FixtureInputs Read(SafetensorsFile file, NetworkConfig config)
    {
        SafetensorsEntry x = file.Require("x");
        if (x.Shape.Length == 0 || x.Shape[0] is < 1 or > 4096)
            throw new InvalidFileException(file.Path, "x does not hold 1 to 4096 images");
        int n = (int)x.Shape[0];
        var shape = new Shape(n, config.Image.H, config.Image.W, config.Image.C);
        return new FixtureInputs(
            shape, ReadImages(file, "x", shape), ReadTimes(file, "t", n), config.LabelCount > 0 ? ReadLabels(file, n, config.LabelCount) : null,
            ReadImages(file, "tangent.x", shape), ReadTimes(file, "tangent.t", n), ReadImages(file, "cotangent", shape),
            (file.Find("logvar") ?? file.Find("cotangent.logvar")) is null ? null : ReadTimes(file, "cotangent.logvar", n));
    }

    /// <summary>Reads a tensor (N, C, H, W) as (N, H, W, C).</summary>
    public static float[] ReadImages(SafetensorsFile file, string name, Shape shape)
    {
        file.Require(name, [shape.N, shape.C, shape.H, shape.W]);
        return ToChannelsLast(file.ReadSingles(name), shape);
    }

    /// <summary>Reads a tensor (N).</summary>
    public static float[] ReadTimes(SafetensorsFile file, string name, int n)
    {
        file.Require(name, [n]);
        return file.ReadSingles(name);
    }

    private static int[] ReadLabels(SafetensorsFile file, int n, int count)
    {
        file.Require("labels", [n, count]);
        float[] rows = file.ReadSingles("labels");
        int[] labels = new int[n];
        for (int i = 0; i < n; i++)
        {
            ReadOnlySpan<float> row = rows.AsSpan(i * count, count);
            labels[i] = row.IndexOf(1f);
            if (row.Count(0f) != (labels[i] < 0 ? count : count - 1))
                throw new InvalidFileException(file.Path, $"row {i} of labels is not one-hot");
        }

        return labels;
    }

    private static float[] ToChannelsLast(float[] images, Shape shape)
    {
        float[] turned = new float[images.Length];
        int pixels = shape.H * shape.W;
        for (int n = 0; n < shape.N; n++)
            for (int c = 0; c < shape.C; c++)
                for (int p = 0; p < pixels; p++)
                    turned[(n * pixels + p) * shape.C + c] = images[(n * shape.C + c) * pixels + p];
        return turned;
    }
}

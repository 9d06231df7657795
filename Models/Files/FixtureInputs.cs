using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Contents of a fixture without weights and gradients, with images turned to (N, H, W, C) and one-hot rows to class numbers.</summary>
internal sealed record FixtureInputs(
    Shape Shape, float[] X, float[] T, int[]? Labels, float[] TangentX, float[] TangentT, float[] Cotangent, float[] F, float[] Jvp)
{
    public static FixtureInputs Read(SafetensorsFile file, NetworkConfig config)
    {
        SafetensorsEntry x = file.Require("x");
        if (x.Shape.Length == 0 || x.Shape[0] is < 1 or > 4096)
            throw new InvalidFileException(file.Path, "x does not hold 1 to 4096 images");
        int n = (int)x.Shape[0];
        var shape = new Shape(n, config.Image.H, config.Image.W, config.Image.C);
        return new FixtureInputs(
            shape, Images("x"), Times("t"), config.LabelCount > 0 ? ReadLabels(file, n, config.LabelCount) : null,
            Images("tangent.x"), Times("tangent.t"), Images("cotangent"), Images("F"), Images("JVP"));

        float[] Images(string name)
        {
            file.Require(name, [n, shape.C, shape.H, shape.W]);
            return ToChannelsLast(file.ReadSingles(name), shape);
        }

        float[] Times(string name)
        {
            file.Require(name, [n]);
            return file.ReadSingles(name);
        }
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

namespace TrigFlowNative.Training.Data;

/// <summary>Converts bytes to the model's range, x / 127.5 - 1, and back.</summary>
public static class PixelScaling
{
    private static readonly float[] ModelValues = [.. Enumerable.Range(0, 256).Select(pixel => pixel / 127.5f - 1f)];

    /// <summary>Converts 0 to 255 into -1 to 1.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    public static void ToModel(ReadOnlySpan<byte> pixels, Span<float> values)
    {
        CheckLengths(pixels.Length, values.Length);
        float[] table = ModelValues;
        for (int i = 0; i < pixels.Length; i++)
            values[i] = table[pixels[i]];
    }

    /// <summary>Converts 0 to 255 into -1 to 1.</summary>
    public static float ToModel(byte pixel) => ModelValues[pixel];

    /// <summary>Converts -1 to 1 into 0 to 255, rounded to the nearest, halves up; values outside are clamped, NaN becomes 0.</summary>
    /// <exception cref="ArgumentException">The spans differ in length.</exception>
    public static void ToBytes(ReadOnlySpan<float> values, Span<byte> pixels)
    {
        CheckLengths(pixels.Length, values.Length);

        // Since .NET 9, the conversion to int saturates and turns NaN into 0.
        for (int i = 0; i < values.Length; i++)
            pixels[i] = (byte)Math.Clamp((int)MathF.Floor(values[i] * 127.5f + 128f), 0, 255);
    }

    private static void CheckLengths(int pixels, int values)
    {
        if (pixels != values)
            throw new ArgumentException($"{pixels} bytes do not match {values} values");
    }
}

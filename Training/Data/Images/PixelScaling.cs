namespace TrigFlowNative.Training.Data;

/// <summary>Bytes to the model's range and back: x / 127.5 - 1.</summary>
public static class PixelScaling
{
    private static readonly float[] ModelValues = [.. Enumerable.Range(0, 256).Select(pixel => pixel / 127.5f - 1f)];

    /// <summary>0 to 255 becomes -1 to 1.</summary>
    public static void ToModel(ReadOnlySpan<byte> pixels, Span<float> values)
    {
        CheckLengths(pixels.Length, values.Length);
        float[] table = ModelValues;
        for (int i = 0; i < pixels.Length; i++)
            values[i] = table[pixels[i]];
    }

    /// <summary>0 to 255 becomes -1 to 1.</summary>
    public static float ToModel(byte pixel) => ModelValues[pixel];

    /// <summary>-1 to 1 becomes 0 to 255, rounded to the nearest, halves up; values outside are clamped, NaN becomes 0.</summary>
    public static void ToBytes(ReadOnlySpan<float> values, Span<byte> pixels)
    {
        CheckLengths(pixels.Length, values.Length);

        // Conversion to int saturates and sends NaN to 0, by .NET's definition since 9.0.
        for (int i = 0; i < values.Length; i++)
            pixels[i] = (byte)Math.Clamp((int)MathF.Floor(values[i] * 127.5f + 128f), 0, 255);
    }

    private static void CheckLengths(int pixels, int values)
    {
        if (pixels != values)
            throw new ArgumentException($"{pixels} bytes do not match {values} values");
    }
}

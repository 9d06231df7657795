using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Bytes of a tensor's values in the types that weight files have: F32, BF16 and F16, little-endian, rounded to nearest.</summary>
internal static class WeightEncoding
{
    /// <summary>Largest magnitudes that do not round to infinity.</summary>
    private const float MaxHalf = 65519.996f, MaxUpperHalf = 3.3961e38f;

    /// <summary>Returns the type if it holds all values, which must be finite; otherwise F32.</summary>
    /// <exception cref="ArgumentException">The type is none of the three.</exception>
    public static SafetensorsType Fitting(SafetensorsType type, ReadOnlySpan<float> values) => type switch
    {
        SafetensorsType.F32 => type,
        SafetensorsType.F16 => IsBelow(MaxHalf, values) ? type : SafetensorsType.F32,
        SafetensorsType.BF16 => IsBelow(MaxUpperHalf, values) ? type : SafetensorsType.F32,
        _ => throw new ArgumentException($"weights are stored as F32, BF16 or F16, not {type}"),
    };

    /// <summary>Returns the bytes of values in a type that holds them.</summary>
    public static byte[] Encode(SafetensorsType type, ReadOnlySpan<float> values)
    {
        byte[] bytes = new byte[values.Length * type.SizeInBytes()];
        switch (type)
        {
            case SafetensorsType.F16:
                TensorPrimitives.ConvertToHalf(values, MemoryMarshal.Cast<byte, Half>(bytes.AsSpan()));
                break;
            case SafetensorsType.BF16:
                Span<BFloat16> rounded = MemoryMarshal.Cast<byte, BFloat16>(bytes.AsSpan());
                for (int i = 0; i < values.Length; i++)
                    rounded[i] = BFloat16.FromSingle(values[i]);
                break;
            default:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                break;
        }

        return bytes;
    }

    private static bool IsBelow(float limit, ReadOnlySpan<float> values) => values.IsEmpty || TensorPrimitives.MaxMagnitude(values) is var most && MathF.Abs(most) < limit;
}

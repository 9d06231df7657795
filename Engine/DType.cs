namespace TrigFlowNative.Engine;

/// <summary>Element type of a tensor in storage. Arithmetic accumulates in fp32 whatever the storage.</summary>
public enum DType
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>bfloat16: the upper half of a binary32, stored as <see cref="ushort"/>.</summary>
    BFloat16,

    /// <summary>Two's complement 32-bit integer: labels and counters.</summary>
    Int32,

    /// <summary>IEEE 754 binary64, for running products and sums that must not drift.</summary>
    Float64,
}

/// <summary>Sizes of the storage types.</summary>
public static class DTypes
{
    /// <summary>Size of an element in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is none of <see cref="DType"/>'s members.</exception>
    public static int SizeInBytes(this DType type) => type switch
    {
        DType.Float32 or DType.Int32 => 4,
        DType.BFloat16 => 2,
        DType.Float64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown storage type"),
    };
}

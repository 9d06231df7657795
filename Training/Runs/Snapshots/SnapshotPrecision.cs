using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>Type of the numbers in a snapshot.</summary>
public enum SnapshotPrecision
{
    /// <summary>Half precision, as EDM2 stores its snapshots. A tensor with values beyond its range is stored in fp32.</summary>
    Fp16,

    /// <summary>bfloat16: as small, with fewer digits and a larger range.</summary>
    Bf16,

    /// <summary>Single precision: the averages as they are.</summary>
    Fp32,
}

/// <summary>Meaning of a snapshot's precision in files.</summary>
internal static class SnapshotPrecisions
{
    /// <summary>Returns the type of the stored tensors.</summary>
    public static SafetensorsType FileType(this SnapshotPrecision precision) => precision switch
    {
        SnapshotPrecision.Fp32 => SafetensorsType.F32,
        SnapshotPrecision.Bf16 => SafetensorsType.BF16,
        _ => SafetensorsType.F16,
    };
}

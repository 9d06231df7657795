namespace TrigFlowNative.Engine;

/// <summary>Instructions that multiply bf16 matrices on a GPU.</summary>
public enum TensorCorePath
{
    /// <summary>No tensor cores: fp32 arithmetic throughout, the reference of the other paths.</summary>
    Portable,

    /// <summary>mma.sync, on sm_80 and newer.</summary>
    Mma,

    /// <summary>wgmma with bulk tensor copies, on sm_90.</summary>
    Wgmma,
}

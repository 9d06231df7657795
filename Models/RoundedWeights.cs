using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>The bf16 copy of a slab's values, after the values have been written by something else than the optimizer.</summary>
public static class RoundedWeights
{
    /// <summary>Brings the copy up to date; does nothing to a slab without one. Waits for the device.</summary>
    public static void Refresh(ParameterSlab slab)
    {
        if (slab.Rounded is not { } rounded)
            return;
        float[] values = slab.Values.ToArray();
        var result = new BFloat16[values.Length];
        for (int i = 0; i < values.Length; i++)
            result[i] = BFloat16.FromSingle(values[i]);
        rounded.Upload<BFloat16>(result);
    }
}

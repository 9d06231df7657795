using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>The bf16 copy of a slab's values, after the values have been written by something else than the optimizer.</summary>
public static class RoundedWeights
{
    private const int Piece = 1 << 20; // a few MiB on the host, whatever the size of the slab

    /// <summary>Brings the copy up to date; does nothing to a slab without one. Waits for the device.</summary>
    public static void Refresh(ParameterSlab slab)
    {
        ArgumentNullException.ThrowIfNull(slab);
        if (slab.Rounded is not { } rounded)
            return;
        float[] values = new float[Piece];
        var result = new BFloat16[Piece];
        for (int start = 0; start < rounded.Count; start += Piece)
        {
            var shape = new Shape(Math.Min(Piece, rounded.Count - start));
            slab.Values.Slice(start, shape).Download(values.AsSpan(0, shape.N));
            for (int i = 0; i < shape.N; i++)
                result[i] = BFloat16.FromSingle(values[i]);
            rounded.Slice(start, shape).Upload<BFloat16>(result.AsSpan(0, shape.N));
        }
    }
}

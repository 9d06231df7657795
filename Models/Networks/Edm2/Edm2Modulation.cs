namespace TrigFlowNative.Models;

/// <summary>Rule between the two convolutions of an EDM2 block, for y = conv_res0 and the embedding e; N divides by the root mean square over channels.</summary>
public enum Edm2Modulation
{
    /// <summary>N(y) N(s) + N(b) with [s | b] = W(e): adaptive double normalisation (arXiv:2410.11081, section 4.1).</summary>
    Double,

    /// <summary>y c / sqrt(mean c^2 + 1e-8) with c = 1 + gain W(e).</summary>
    Scale,

    /// <summary>y c with c = 1 + gain W(e): EDM2's own rule (arXiv:2312.02696, config G).</summary>
    Edm2,
}

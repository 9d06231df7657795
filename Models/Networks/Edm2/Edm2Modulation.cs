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

/// <summary>Embedding of the time in an EDM2 network.</summary>
public enum Edm2Embedding
{
    /// <summary>sqrt(2) [cos(t f) | sin(t f)] with frequencies of at most 1, so that dF/dt stays bounded.</summary>
    Positional,

    /// <summary>
    /// sqrt(2) cos(f c + p) of c = ln(sigma_data tan t) / 4, with random frequencies and phases that files hold: EDM2's own, for networks that are only
    /// evaluated, such as those that NVIDIA published. TrigFlow's F is then minus the network's output.
    /// </summary>
    Fourier,
}

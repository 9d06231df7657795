namespace TrigFlowNative.Models;

/// <summary>How a DDPM++ network takes the time.</summary>
public enum DdpmppVariant
{
    /// <summary>Positional embedding of t, and adaptive double normalisation in each block (arXiv:2410.11081, section 4.1).</summary>
    TrigFlow,

    /// <summary>
    /// EDM's own (arXiv:2206.00364, appendix F.1), for networks that are only evaluated, such as those that NVIDIA published: the embedding is that of c = ln(sigma_data tan t) / 4,
    /// and a block adds affine(embedding) to its first convolution before the norm. TrigFlow's F is then minus the network's output, since EDM's denoiser is
    /// c_skip x + c_out F.
    /// </summary>
    Edm,
}

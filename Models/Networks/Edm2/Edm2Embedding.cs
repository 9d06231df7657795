namespace TrigFlowNative.Models;

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

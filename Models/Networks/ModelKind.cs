namespace TrigFlowNative.Models;

/// <summary>Kind of a model: what its network was trained to be.</summary>
public enum ModelKind
{
    /// <summary>A diffusion model: F is the velocity of the probability-flow ODE, which a solver follows.</summary>
    Diffusion,

    /// <summary>A consistency model: f(x_t, t) is the end of the ODE's path, reached in one evaluation.</summary>
    Consistency,
}

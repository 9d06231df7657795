namespace TrigFlowNative.Training.Objectives;

/// <summary>What a network is trained for.</summary>
public enum Objective
{
    /// <summary>Diffusion pre-training with TrigFlow's velocity (arXiv:2410.11081, eq. 3).</summary>
    TrigFlow,

    /// <summary>Continuous-time consistency training: the tangent follows the sample's own path, without a teacher.</summary>
    Sct,

    /// <summary>Continuous-time consistency distillation: the tangent follows a diffusion model's probability-flow ODE.</summary>
    Scd,
}

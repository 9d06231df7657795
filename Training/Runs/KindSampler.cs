using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Runs;

/// <summary>The sampler for a model's kind: consistency sampling, or the ODE solver for a diffusion model.</summary>
internal static class KindSampler
{
    /// <summary>Network evaluations of a consistency model, and solver steps of a diffusion model, unless others are asked for.</summary>
    public const int ConsistencySteps = 2, DiffusionSteps = 32;

    /// <summary>Returns the number of steps for a model unless another is asked for.</summary>
    public static int DefaultSteps(TrigFlowModel model) => model.Kind == ModelKind.Consistency ? ConsistencySteps : DiffusionSteps;

    /// <summary>Creates the sampler; the arguments are those of <see cref="ConsistencySampler"/> and <see cref="DiffusionSampler"/>.</summary>
    /// <exception cref="ArgumentException">An argument is out of range, or the model takes no guidance.</exception>
    public static ImageSampler Create(TrigFlowModel model, int steps, float guidance, int batch, TrigFlowModel? guide = null) => model.Kind == ModelKind.Consistency
        ? new ConsistencySampler(model, ConsistencySampler.DefaultTimes(steps, model.SigmaData), batch, guidance)
        : new DiffusionSampler(model, steps, guidance, batch, guide);
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// Velocity dx_t/dt of a flow through x_t, a constant to the tape: that of the sample's own path, v_t, or of a teacher's probability-flow ODE,
/// with or without guidance.
/// </summary>
/// <param name="DxDt">dx_t/dt (N, H, W, C), in the data's unit per radian.</param>
/// <param name="Guidance">Guidance scale of each sample (N); null if none was drawn.</param>
public sealed record Velocity(Tensor DxDt, Tensor? Guidance = null)
{
    /// <summary>Records v_t = cos t z - sin t x_0, an unbiased estimate of the ODE's velocity that needs no teacher.</summary>
    /// <exception cref="ArgumentException">The batch belongs to another program.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    public static Velocity OfData(PhaseRecorder phase, NoisyBatch noisy)
    {
        ArgumentNullException.ThrowIfNull(phase);
        ArgumentNullException.ThrowIfNull(noisy);
        Tensor velocity = phase.Program.Allocate(noisy.Noise.Shape);
        noisy.VelocityInto(phase.Program, 1, velocity);
        return new Velocity(velocity);
    }

    /// <summary>
    /// Records the teacher's velocity sigma_d F. If the largest guidance scale is above 1, it is sigma_d (F_g + s (F_class - F_g)), with a scale s drawn
    /// uniformly from [1, maxGuidance] for each sample (arXiv:2410.11081, appendix G.2), where F_g is the guide's F or, without a guide, the teacher's without
    /// class (classifier-free guidance).
    /// </summary>
    /// <param name="phase">A phase with a teacher.</param>
    /// <param name="noisy">The noisy batch.</param>
    /// <param name="x">x_t / sigma_d (N, H, W, C).</param>
    /// <param name="maxGuidance">Largest guidance scale, at least 1; 1 for no guidance. A batch without labels is not guided.</param>
    /// <exception cref="ArgumentException">The batch does not fit the teacher's network.</exception>
    /// <exception cref="InvalidOperationException">There is no teacher, or the program is compiled already.</exception>
    public static Velocity OfTeacher(PhaseRecorder phase, NoisyBatch noisy, Tensor x, float maxGuidance)
    {
        ArgumentNullException.ThrowIfNull(phase);
        ArgumentNullException.ThrowIfNull(noisy);
        (ComputeProgram program, PhaseBatch batch) = (phase.Program, phase.Batch);
        NetworkWeights teacher = phase.Teacher ?? throw new InvalidOperationException("the velocity of a teacher needs a phase with a teacher");
        using IDisposable layer = program.Layer("teacher");
        Tensor f = teacher.F(program, x, new NetworkConditions(noisy.T, batch.Labels));
        float excess = maxGuidance - 1;
        if (batch.Labels is not { } labels || excess <= 0)
            return new Velocity(ScaledAdd.Apply(program, f, f, batch.SigmaData / 2));

        // F_g + s (F_class - F_g) = F_class + (s - 1) (F_class - F_g)
        Tensor other = GuideOf(phase, teacher, x, noisy.T, labels);
        Tensor share = program.Allocate(batch.PerImage), guidance = program.Allocate(f.Shape), scale = program.Allocate(batch.PerImage);
        RandomUniform.Into(program, share, batch.Random.For(RandomPurpose.Guidance));
        Combine.Into(program, f, share, excess, other, share, -excess, guidance);
        Tensor one = program.Constant(batch.PerImage, 1);
        Combine.Into(program, share, one, excess, one, one, 1, scale);
        phase.Name("guidance", scale);
        return new Velocity(ScaledAdd.Apply(program, f, guidance, batch.SigmaData), scale);
    }

    /// <summary>Records F_g, from which guidance leads away.</summary>
    private static Tensor GuideOf(PhaseRecorder phase, NetworkWeights teacher, Tensor x, Tensor times, Tensor labels)
    {
        ComputeProgram program = phase.Program;
        using IDisposable layer = program.Layer("guide");
        if (phase.Guide is { } guide)
            return guide.F(program, x, new NetworkConditions(times, guide.Network.Config.LabelCount > 0 ? labels : null));
        Tensor none = LabelDropout.Apply(program, labels, phase.Batch.Random.For(RandomPurpose.LabelDropout), rate: 1); // every label is dropped
        return teacher.F(program, x, new NetworkConditions(times, none));
    }
}

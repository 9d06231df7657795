using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// Continuous-time consistency training, Algorithm 1 of arXiv:2410.11081. One dual pass gives F- (F as a constant) and J = cos t sin t dF/dt.
/// <see cref="ConsistencyTarget"/> makes the constant target F- + g / (|g| + c) from them, and the loss is e^w / D ||F - target||^2 - w.
/// </summary>
/// <remarks>
/// The primals of the dual pass are x = x_t / sigma_d and t, their tangents cos t sin t dx_t/dt / sigma_d and cos t sin t, which stay
/// finite up to t = pi/2. The backward pass differentiates only the primal, so a step costs one dual forward and one backward pass.
/// Here dx_t/dt is v_t (sCT); in <see cref="DistillationObjective"/> it is a teacher's velocity (sCD).
/// </remarks>
public class ConsistencyObjective(ConsistencyOptions options) : Objective
{
    /// <inheritdoc/>
    public override ModelKind Makes => ModelKind.Consistency;

    /// <inheritdoc/>
    public override PhasePass Record(PhaseRecorder phase)
    {
        ArgumentNullException.ThrowIfNull(phase);
        (ComputeProgram program, PhaseBatch batch) = (phase.Program, phase.Batch);
        NoisyBatch noisy = NoisyBatch.Draw(phase, options.Times);
        Tensor x = program.Allocate(batch.Images.Shape, hasTangent: true), xt = program.Allocate(batch.Images.Shape);
        noisy.SampleInto(program, 1, xt);
        noisy.SampleInto(program, 1 / batch.SigmaData, x.Primal);
        Velocity velocity = VelocityOf(phase, noisy, x.Primal);
        Combine.Into(program, velocity.DxDt, noisy.CosSin, 1 / batch.SigmaData, null, null, 0, x.Tangent);

        var conditions = new NetworkConditions(Copy.Join(program, noisy.T, noisy.CosSin), batch.Labels) { Scalars = ScalarsOf(velocity) };
        Tensor f = phase.Trained.F(program, x, conditions, phase.Dropout);
        Tensor target = ConsistencyTarget.Apply(
            program, f, xt, velocity.DxDt, noisy.Cos, noisy.Sin, phase.Scalar("tangent_warm_up", options.WarmUpAt), batch.SigmaData, options.TangentConstant,
            options.TangentNorm, out Tensor tangentNorm);
        phase.Tally(TallyNames.TangentNorm, tangentNorm);
        phase.Name("f", f);
        phase.Name("dxdt", velocity.DxDt);
        return Regression.On(phase, f.Primal, target, noisy.T, options);
    }

    /// <summary>Records dx_t/dt of the flow that the tangent follows.</summary>
    private protected virtual Velocity VelocityOf(PhaseRecorder phase, NoisyBatch noisy, Tensor x) => Velocity.OfData(phase, noisy);

    /// <summary>Returns the scalar conditions of the student's pass by name.</summary>
    private protected virtual IReadOnlyDictionary<string, Tensor> ScalarsOf(Velocity velocity) => new Dictionary<string, Tensor>();
}

/// <summary>
/// Continuous-time consistency distillation: the tangent follows a diffusion model's probability-flow ODE, dx_t/dt = sigma_d F_teacher. The
/// teacher may be guided; the student then takes the guidance scale as an input (arXiv:2410.11081, appendix G.2).
/// </summary>
public sealed class DistillationObjective(DistillationOptions options) : ConsistencyObjective(options)
{
    /// <inheritdoc/>
    public override bool NeedsTeacher => true;

    /// <inheritdoc/>
    public override bool TakesGuide => options.MaxGuidance > 1;

    /// <inheritdoc/>
    public override IReadOnlyList<string> StudentConditions => StudentTakesGuidance ? [NetworkConfig.Guidance] : [];

    /// <inheritdoc/>
    public override GuidanceRange? StudentGuidance => StudentTakesGuidance ? new GuidanceRange(1, options.MaxGuidance) : null;

    private bool StudentTakesGuidance => options is { MaxGuidance: > 1, GuidanceInput: true };

    /// <inheritdoc/>
    public override void Check(INetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (options.MaxGuidance > 1 && network.Config.LabelCount == 0)
            throw new ArgumentException($"max_guidance is {options.MaxGuidance}, but guidance needs a network with classes");
    }

    /// <inheritdoc/>
    private protected override Velocity VelocityOf(PhaseRecorder phase, NoisyBatch noisy, Tensor x) =>
        Velocity.OfTeacher(phase, noisy, x, options.MaxGuidance);

    /// <inheritdoc/>
    private protected override IReadOnlyDictionary<string, Tensor> ScalarsOf(Velocity velocity) =>
        StudentTakesGuidance ? new Dictionary<string, Tensor> { [NetworkConfig.Guidance] = velocity.Guidance! } : base.ScalarsOf(velocity);
}

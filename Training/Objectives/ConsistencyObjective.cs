using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// Continuous-time consistency training and distillation, Algorithm 1 of arXiv:2410.11081: one dual pass gives F- and
/// J = cos t sin t dF/dt, from them comes a constant target F- + g / (|g| + c), and the loss is e^w / D ||F - target||^2 - w.
/// </summary>
/// <remarks>
/// The dual pass runs at x = x_t / sigma_d and t with tangents (cos t sin t dx_t/dt / sigma_d, cos t sin t), which stay finite up
/// to t = pi/2. Only the primal is differentiated backwards, so a step costs a dual forward pass and one backward pass.
/// dx_t/dt is v_t without a teacher (sCT), and the teacher's sigma_d F(x_t / sigma_d, t) with one (sCD).
/// </remarks>
internal static class ConsistencyObjective
{
    /// <summary>Records the forward pass.</summary>
    /// <param name="program">Program that records the step.</param>
    /// <param name="inputs">What is trained, and on what.</param>
    /// <param name="teacher">The diffusion model to distil; null for training without one.</param>
    /// <param name="r">The tangent's warm-up (1), written before each run.</param>
    public static ObjectivePass Record(ComputeProgram program, ObjectiveInputs inputs, Teacher? teacher, Tensor r)
    {
        NoisyBatch batch = NoisyBatch.Draw(program, inputs.Images, inputs.Random, inputs.Options, inputs.SigmaData);
        Tensor x = program.Allocate(inputs.Images.Shape, hasTangent: true), xt = program.Allocate(inputs.Images.Shape);
        batch.SampleInto(program, 1, xt);
        batch.SampleInto(program, 1 / inputs.SigmaData, x.Primal);
        Tensor dxdt = teacher is null ? SampleVelocity(program, batch) : TeacherVelocity(program, inputs, teacher, x.Primal, batch.T);
        Combine.Into(program, dxdt, batch.CosSin, 1 / inputs.SigmaData, null, null, 0, x.Tangent);
        Tensor t = Copy.Join(program, batch.T, batch.CosSin);

        Tensor f = inputs.Network.Forward(program, inputs.Weights, x, t, inputs.Labels, inputs.Dropout);
        Tensor target = ConsistencyTarget.Apply(
            program, f, xt, dxdt, batch.Cos, batch.Sin, r, inputs.SigmaData, inputs.Options.TangentConstant, inputs.Options.TangentNorm,
            out Tensor tangentNorm);
        Tensor w = AdaptiveWeight.Apply(program, inputs.Weights, batch.T);
        Tensor loss = WeightedSquaredError.Apply(program, f.Primal, target, w, out Tensor error);
        return new ObjectivePass(loss, error, f, target, batch) { DxDt = dxdt, TangentNorm = tangentNorm };
    }

    private static Tensor SampleVelocity(ComputeProgram program, NoisyBatch batch)
    {
        Tensor velocity = program.Allocate(batch.Images.Shape);
        batch.VelocityInto(program, 1, velocity);
        return velocity;
    }

    /// <summary>
    /// sigma_d F, and with guidance sigma_d (F_unc + s (F_c - F_unc)) = sigma_d (F_c + (s - 1)(F_c - F_unc)) with s uniform in
    /// [1, MaxGuidance] for each sample.
    /// </summary>
    private static Tensor TeacherVelocity(ComputeProgram program, ObjectiveInputs inputs, Teacher teacher, Tensor x, Tensor t)
    {
        using IDisposable layer = program.Layer("teacher");
        Tensor f = teacher.Network.Forward(program, teacher.Weights, x, t, inputs.Labels, null);
        float excess = inputs.Options.MaxGuidance - 1;
        if (inputs.Labels is not { } labels || excess <= 0)
            return Residual.Apply(program, f, f, inputs.SigmaData / 2);

        Tensor none = LabelDropout.Apply(program, labels, inputs.Random.For(RandomPurpose.LabelDropout), rate: 1); // all -1
        Tensor unconditional = teacher.Network.Forward(program, teacher.Weights, x, t, none, null);
        Tensor share = program.Allocate(t.Shape), guidance = program.Allocate(f.Shape);
        RandomUniform.Into(program, share, inputs.Random.For(RandomPurpose.Guidance));
        Combine.Into(program, f, share, excess, unconditional, share, -excess, guidance);
        return Residual.Apply(program, f, guidance, inputs.SigmaData);
    }
}

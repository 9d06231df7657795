using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// TrigFlow's diffusion loss, e^w(t) / D ||F_theta(x_t / sigma_d, t) - v_t / sigma_d||^2 - w(t) (arXiv:2410.11081, eq. 3 with the
/// weighting of section 4.2).
/// </summary>
/// <remarks>
/// The paper's error is sigma_d F - v_t. Divided by sigma_d, the target has unit variance, so that w = 0, where the head starts,
/// is already of the right size; the two differ by the constant 2 ln sigma_d in w.
/// </remarks>
internal static class DiffusionObjective
{
    /// <summary>Records the forward pass.</summary>
    public static ObjectivePass Record(ComputeProgram program, ObjectiveInputs inputs)
    {
        NoisyBatch batch = NoisyBatch.Draw(program, inputs.Images, inputs.Random, inputs.Options, inputs.SigmaData);
        Tensor x = program.Allocate(inputs.Images.Shape), target = program.Allocate(inputs.Images.Shape);
        batch.SampleInto(program, 1 / inputs.SigmaData, x);
        batch.VelocityInto(program, 1 / inputs.SigmaData, target);
        Tensor? labels = inputs.Labels is { } given && inputs.Options.LabelDropout > 0
            ? LabelDropout.Apply(program, given, inputs.Random.For(RandomPurpose.LabelDropout), inputs.Options.LabelDropout)
            : inputs.Labels;
        Tensor f = inputs.Network.Forward(program, inputs.Weights, x, batch.T, labels, inputs.Dropout);
        Tensor w = AdaptiveWeight.Apply(program, inputs.Weights, batch.T);
        Tensor loss = WeightedSquaredError.Apply(program, f, target, w, out Tensor error);
        return new ObjectivePass(loss, error, f, target, batch);
    }
}

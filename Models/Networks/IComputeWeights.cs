using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Rule by which a network makes its compute weights from the master weights, such as the normalisation of their rows.
/// </summary>
/// <remarks>
/// A slab of such a network holds compute weights in the activations' type, and the backward pass leaves the gradients of the compute weights in it. A
/// training step records <see cref="Backward"/> before the optimizer and <see cref="Make"/> after it.
/// </remarks>
public interface IComputeWeights
{
    /// <summary>Records the step that makes all of <see cref="ParameterSlab.ComputeValues"/>.</summary>
    /// <param name="program">Program that records the step.</param>
    /// <param name="weights">A slab of the network's parameters; others may follow them.</param>
    /// <param name="force">
    /// Whether the weights are in training: a rule that constrains master weights, such as EDM2's forced normalisation, then overwrites them first.
    /// </param>
    void Make(ComputeProgram program, ParameterSlab weights, bool force);

    /// <summary>Records the step that turns gradients of the compute weights into gradients of the master weights, in place.</summary>
    /// <param name="program">Program that records the step.</param>
    /// <param name="weights">A slab with gradients.</param>
    void Backward(ComputeProgram program, ParameterSlab weights);
}

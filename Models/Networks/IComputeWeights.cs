using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// How a network makes the weights that its products multiply from the master weights that the optimizer updates: by normalising their rows, say.
/// </summary>
/// <remarks>
/// A slab of such a network holds compute weights in the activations' type, and its gradients are first those of the compute weights. A training
/// step records <see cref="Backward"/> before the optimizer and <see cref="Make"/> behind it.
/// </remarks>
public interface IComputeWeights
{
    /// <summary>Records the making of all of <see cref="ParameterSlab.ComputeValues"/>; may overwrite master weights too.</summary>
    /// <param name="program">Program that records the step.</param>
    /// <param name="weights">A slab of the network's parameters, behind which others may follow.</param>
    void Make(ComputeProgram program, ParameterSlab weights);

    /// <summary>Records the change of gradients with respect to compute weights into those with respect to master weights, in their place.</summary>
    /// <param name="program">Program that records the step.</param>
    /// <param name="weights">A slab with gradients.</param>
    void Backward(ComputeProgram program, ParameterSlab weights);
}

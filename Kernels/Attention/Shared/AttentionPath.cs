using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The kernels that record the op: those of a generation of tensor cores, or the portable ones.</summary>
internal abstract class AttentionPath
{
    /// <summary>Records the output and the log-sum-exp.</summary>
    public abstract void Forward(ComputeProgram program, AttentionOperands operands);

    /// <summary>Records the gradient of qkv.</summary>
    /// <param name="program">The program.</param>
    /// <param name="operands">Those of the forward pass, without tangents.</param>
    /// <param name="dy">The cotangent; unless the path is portable, stored like qkv, and so is the gradient.</param>
    /// <param name="dqkv">The gradient.</param>
    public abstract void Backward(ComputeProgram program, AttentionOperands operands, Tensor dy, GradientSlot dqkv);
}

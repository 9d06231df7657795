using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>An implementation of the op: for one generation of tensor cores, or portable.</summary>
internal abstract class AttentionPath
{
    /// <summary>Records the output and the log-sum-exp.</summary>
    public abstract void Forward(ComputeProgram program, AttentionOperands operands);

    /// <summary>Records the gradient of qkv.</summary>
    /// <param name="program">The program.</param>
    /// <param name="operands">Operands of the forward pass, without tangents.</param>
    /// <param name="dy">Cotangent of y; unless the path is portable, of the type of qkv, and so is the gradient.</param>
    /// <param name="dqkv">Gradient of qkv.</param>
    public abstract void Backward(ComputeProgram program, AttentionOperands operands, Tensor dy, GradientSlot dqkv);
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The host's loops, and the fp32 kernels for any GPU and any head. bf16 operands are converted before and after: slow, but always correct.</summary>
internal sealed partial class PortableAttention : AttentionPath
{
    /// <inheritdoc/>
    public override void Forward(ComputeProgram program, AttentionOperands operands)
    {
        Tensor y = operands.Y.Type == DType.Float32 ? operands.Y : program.Allocate(operands.Y.Shape, operands.Y.HasTangent);
        AttentionOperands wide = operands with { Qkv = Widened(program, operands.Qkv), Y = y };
        program.Emit(wide.Step, [wide.Qkv], [wide.Y, wide.LogSumExp], cpu => ForwardCpu(cpu, wide), gpu => wide.Qkv.HasTangent ? TangentGpu(gpu, wide) : ForwardGpu(gpu, wide));
        if (y != operands.Y)
            Cast.Into(program, "attention.round", y, new GradientSlot(operands.Y, Accumulate: false));
    }

    /// <inheritdoc/>
    public override void Backward(ComputeProgram program, AttentionOperands operands, Tensor dy, GradientSlot dqkv)
    {
        AttentionOperands wide = operands with { Qkv = Widened(program, operands.Qkv), Y = Widened(program, operands.Y) };
        Tensor cotangent = Widened(program, dy), delta = program.Allocate(operands.LogSumExp.Shape);
        GradientSlot slot = dqkv.Tensor.Type == DType.Float32 ? dqkv : new GradientSlot(program.Allocate(operands.Qkv.Shape), Accumulate: false);
        // One step for dq, dk and dv, since they are channel ranges of one gradient, which is either overwritten or added to.
        program.Emit(
            "attention.backward", [wide.Qkv, wide.Y, cotangent, wide.LogSumExp, slot.ReadTensor], [slot.Tensor, delta],
            cpu => BackwardCpu(cpu, wide, cotangent, delta, slot), gpu => BackwardGpu(gpu, wide, cotangent, delta, slot));
        if (slot != dqkv)
            Cast.Into(program, "attention.round", slot.Tensor, dqkv);
    }

    private static Tensor Widened(ComputeProgram program, Tensor x) => Cast.To(program, "attention.widen", x, x.Shape, DType.Float32);
}

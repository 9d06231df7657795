namespace TrigFlowNative.Kernels;

/// <summary>Tensors of one application of the op.</summary>
/// <param name="Qkv">(N, H, W, 3 heads D).</param>
/// <param name="Y">(N, H, W, heads D), of the type of qkv, with a tangent if qkv has one.</param>
/// <param name="LogSumExp">(N, heads, L), fp32.</param>
/// <param name="Sizes">Extents.</param>
internal sealed record AttentionOperands(Tensor Qkv, Tensor Y, Tensor LogSumExp, AttentionSizes Sizes)
{
    /// <summary>Step that computes the output.</summary>
    public string Step => Qkv.HasTangent ? "attention.tangent" : "attention.forward";

    /// <summary>The same operands without tangents.</summary>
    public AttentionOperands Primal => this with { Qkv = Qkv.Primal, Y = Y.Primal };
}

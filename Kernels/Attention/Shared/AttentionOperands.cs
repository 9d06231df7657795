namespace TrigFlowNative.Kernels;

/// <summary>The tensors of an application.</summary>
/// <param name="Qkv">(N, H, W, 3 heads D).</param>
/// <param name="Y">(N, H, W, heads D), stored like qkv, with a tangent if that has one.</param>
/// <param name="LogSumExp">(N, heads, L), fp32.</param>
/// <param name="Sizes">Extents.</param>
internal sealed record AttentionOperands(Tensor Qkv, Tensor Y, Tensor LogSumExp, AttentionSizes Sizes)
{
    /// <summary>The step that computes the output.</summary>
    public string Step => Qkv.HasTangent ? "attention.tangent" : "attention.forward";

    /// <summary>The same without tangents.</summary>
    public AttentionOperands Primal => this with { Qkv = Qkv.Primal, Y = Y.Primal };
}

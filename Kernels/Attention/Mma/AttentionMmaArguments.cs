namespace TrigFlowNative.Kernels;

/// <summary>The argument of the forward kernels on mma.sync.</summary>
internal struct AttentionMmaForward
{
    /// <summary>Addresses of qkv, of the output, and of the fp32 log-sum-exp (N, heads, L).</summary>
    public long Qkv, Y, LogSumExp;

    /// <summary>Bytes from the primal of qkv to its tangent, and from the primal of the output to its tangent.</summary>
    public long QkvTangent, YTangent;

    /// <summary>Division of the heads into m tiles.</summary>
    public AttentionGrid Grid;

    /// <summary>Rows of an m tile and of an n tile.</summary>
    public int MTile, NTile;
}

/// <summary>The argument of the gradient kernels on mma.sync.</summary>
internal struct AttentionMmaBackward
{
    /// <summary>Addresses of qkv and of the cotangent.</summary>
    public long Qkv, Dy;

    /// <summary>Addresses of the log-sum-exp and of delta, both fp32 (N, heads, L).</summary>
    public long LogSumExp, Delta;

    /// <summary>Address of the gradient of qkv.</summary>
    public long Dqkv;

    /// <summary>Division of the heads into m tiles.</summary>
    public AttentionGrid Grid;

    /// <summary>Rows of an m tile and of an n tile.</summary>
    public int MTile, NTile;

    /// <summary>1 to add to the gradient, 0 to overwrite it.</summary>
    public int Add;
}

namespace TrigFlowNative.Kernels;

/// <summary>The argument of the kernels of <see cref="WgmmaAttention"/>.</summary>
internal struct WgmmaAttentionArguments
{
    /// <summary>Address of the tensor map of qkv (channel, head of queries, keys or values, row, image); tangents follow all images.</summary>
    public long Map;

    /// <summary>Addresses of the output, of its tangent, and of the fp32 log-sum-exp (N, heads, L).</summary>
    public long Y, YTangent, LogSumExp;

    /// <summary>Division of the heads into m tiles.</summary>
    public AttentionGrid Grid;

    /// <summary>Chunks of a head's channels.</summary>
    public int Chunks;

    /// <summary>Bytes of a block's queries and their tangents.</summary>
    public int QueryBytes;

    /// <summary>Stages of the pipeline of keys and values.</summary>
    public int Stages;

    /// <summary>1 if there is a tangent, otherwise 0.</summary>
    public int Tangent;
}

/// <summary>The argument of <see cref="WgmmaAttentionGradient.Accumulate"/>.</summary>
internal struct WgmmaAttentionGradientArguments
{
    /// <summary>Address of the tensor maps of qkv and of the cotangent (channel, head, row, image).</summary>
    public long Maps;

    /// <summary>Address of the result of <see cref="WgmmaAttentionPath.StatisticsKernel"/>, where a head has <see cref="Padded"/> rows.</summary>
    public long Statistics;

    /// <summary>Address of the gradient of qkv.</summary>
    public long Dqkv;

    /// <summary>Division of the heads into m tiles.</summary>
    public AttentionGrid Grid;

    /// <inheritdoc cref="Statistics"/>
    public int Padded;

    /// <summary>Rows of an m tile, 64 or 128.</summary>
    public int MTile;

    /// <summary>Chunks of a head's channels.</summary>
    public int Chunks;

    /// <summary>Stages of the pipeline of n tiles.</summary>
    public int Stages;

    /// <summary>1 if keys are the m operand, for dK and dV; 0 if queries are, for dQ.</summary>
    public int OwnsKeys;

    /// <summary>1 to add to the gradient, 0 to overwrite it.</summary>
    public int Add;
}

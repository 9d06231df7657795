using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>The decoder's attention over all pixels, of one head: x + to_out(attention(q, k, v of norm(x))).</summary>
/// <remarks>Files hold the matrices of q, k and v apart; in the slab they are adjacent, so that one product makes all three.</remarks>
internal sealed class DecoderAttention
{
    private static readonly string[] Parts = ["to_q", "to_k", "to_v"];

    private readonly string name;
    private readonly NormLayer norm;
    private readonly LinearLayer[] parts;
    private readonly LinearLayer whole, output;

    /// <param name="name">Name in files, such as decoder.mid_block.attentions.0.</param>
    /// <param name="channels">Channels of x.</param>
    /// <exception cref="ArgumentException">The norm's groups do not divide the channels.</exception>
    public DecoderAttention(string name, int channels)
    {
        this.name = name;
        norm = new NormLayer($"{name}.group_norm", channels, DecoderBlock.Groups);
        parts = [.. Parts.Select(part => new LinearLayer($"{name}.{part}", channels, channels))];
        whole = new LinearLayer($"{name}.qkv", channels, 3 * channels);
        output = new LinearLayer($"{name}.to_out.0", channels, channels);
    }

    public IEnumerable<ParameterSpec> Parameters => [.. norm.Parameters, .. parts.SelectMany(part => part.Parameters), .. output.Parameters];

    /// <summary>The matrices and the biases of q, k and v.</summary>
    public IEnumerable<JoinedParameters> Joined =>
        from kind in (string[])["weight", "bias"]
        select new JoinedParameters($"{name}.qkv.{kind}", [.. Parts.Select(part => $"{name}.{part}.{kind}")]);

    /// <summary>Records the attention: (N, H, W, C) to (N, H, W, C).</summary>
    public Tensor Apply(ComputeProgram program, ParameterSlab weights, Tensor x)
    {
        Tensor qkv = whole.Apply(program, weights, norm.Apply(program, weights, x, silu: false));
        return output.Apply(program, weights, Attention.Apply(program, qkv), x);
    }
}

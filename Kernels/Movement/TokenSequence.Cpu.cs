using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take images; the patches of one lie together, as their tokens do.</summary>
public static partial class TokenSequence
{
    private static void ForwardCpu(CpuDevice cpu, Tensor patches, Tensor table, Tensor y) => cpu.For(y.Shape.N, image =>
    {
        int channels = table.Shape.C, length = table.Count - channels;
        Span<float> tokens = y.Span.Slice(image * table.Count, table.Count);
        table.Span[..channels].CopyTo(tokens);
        TensorPrimitives.Add(patches.Span.Slice(image * length, length), table.Span[channels..], tokens[channels..]);
    });
}

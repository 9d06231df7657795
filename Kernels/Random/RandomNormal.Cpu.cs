using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// On the host, random words are vectorised. The transform is scalar, since it must repeat the kernels' arithmetic, and noise is a
/// thousandth of the network's work.
/// </summary>
public static partial class RandomNormal
{
    private static void IntoCpu(CpuDevice cpu, Tensor target, RandomStream stream, Tensor counter, float scale) =>
        RandomStream.ForRuns(cpu, stream, counter, target, (start, words, count) =>
        {
            Span<float> normals = stackalloc float[RandomStream.MaxRunElements];
            for (int i = 0; i < words.Length; i += 4)
            {
                Quad quad = From(new Philox.Words { A = words[i], B = words[i + 1], C = words[i + 2], D = words[i + 3] });
                normals[i] = quad.A;
                normals[i + 1] = quad.B;
                normals[i + 2] = quad.C;
                normals[i + 3] = quad.D;
            }

            TensorPrimitives.Multiply(normals[..count], scale, target.Span.Slice(start, count));
        });
}

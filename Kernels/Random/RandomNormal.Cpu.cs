using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// On the host, random words are vectorised. The transform is scalar, since it must repeat the kernels' arithmetic, and noise is a
/// thousandth of the network's work.
/// </summary>
public static partial class RandomNormal
{
    /// <summary>
    /// Fills a part of a sample on the host, without a program: the numbers that <see cref="Into"/> gives the same elements of the sample under the same counter.
    /// </summary>
    /// <param name="values">Receives standard normal numbers.</param>
    /// <param name="purpose">Purpose of the numbers.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="step">First entry of the counter, a step of a training.</param>
    /// <param name="sample">Second entry of the counter.</param>
    /// <param name="first">Element of the sample with which the part begins, a multiple of 4.</param>
    /// <exception cref="ArgumentException">The first element is negative or no multiple of 4.</exception>
    public static void Fill(Span<float> values, RandomPurpose purpose, ulong seed, uint step, uint sample, int first = 0)
    {
        if (first < 0 || first % 4 != 0)
            throw new ArgumentException($"{Name}: a part begins with element {first}, expected a multiple of 4");
        Span<uint> words = stackalloc uint[RandomStream.MaxRunElements];
        for (int start = 0; start < values.Length; start += words.Length)
        {
            int count = Math.Min(words.Length, values.Length - start), padded = (count + 3) / 4 * 4;
            Philox.Fill(words[..padded], (uint)((first + start) / 4), sample, step, (uint)purpose, (uint)seed, (uint)(seed >> 32));
            FromWords(words[..padded], values.Slice(start, count));
        }
    }

    private static void IntoCpu(CpuDevice cpu, Tensor target, RandomStream stream, Tensor counter, float scale) =>
        RandomStream.ForRuns(cpu, stream, counter, target, (start, words, count) =>
        {
            Span<float> normals = target.Span.Slice(start, count);
            FromWords(words, normals);
            TensorPrimitives.Multiply(normals, scale, normals);
        });

    /// <summary>Makes a number of each word; of the last four words perhaps fewer.</summary>
    private static void FromWords(ReadOnlySpan<uint> words, Span<float> normals)
    {
        for (int i = 0; i < normals.Length; i += 4)
        {
            Quad quad = From(new Philox.Words { A = words[i], B = words[i + 1], C = words[i + 2], D = words[i + 3] });
            normals[i] = quad.A;
            if (i + 3 < normals.Length)
                (normals[i + 1], normals[i + 2], normals[i + 3]) = (quad.B, quad.C, quad.D);
            else if (i + 2 < normals.Length)
                (normals[i + 1], normals[i + 2]) = (quad.B, quad.C);
            else if (i + 1 < normals.Length)
                normals[i + 1] = quad.B;
        }
    }
}

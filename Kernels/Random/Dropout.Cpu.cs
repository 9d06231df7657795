using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, random words, mask and product are vectorised; the words of a run serve its primal and its tangent.</summary>
public static partial class Dropout
{
    private static void MaskedCpu(CpuDevice cpu, Tensor source, GradientSlot target, Rule mask) =>
        RandomStream.ForRuns(cpu, mask.Stream, mask.Counter, source, (start, words, count) =>
        {
            Put(source.Span.Slice(start, count), target.Tensor.Span.Slice(start, count), words, mask, target.Accumulate);
            int tangent = start + source.Count;
            if (source.HasTangent)
                Put(source.Span.Slice(tangent, count), target.Tensor.Span.Slice(tangent, count), words, mask, add: false);
        });

    private static void Put(ReadOnlySpan<float> source, Span<float> target, ReadOnlySpan<uint> words, Rule mask, bool add)
    {
        int i = 0;
        for (; i <= source.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<uint> stays = Vector.GreaterThanOrEqual(new Vector<uint>(words[i..]) >> 8, new Vector<uint>(mask.Threshold));
            Vector<float> factor = Vector.ConditionalSelect(Vector.AsVectorSingle(stays), new Vector<float>(mask.Scale), Vector<float>.Zero);
            Vector<float> value = new Vector<float>(source[i..]) * factor;
            (add ? new Vector<float>(target[i..]) + value : value).CopyTo(target[i..]);
        }

        for (; i < source.Length; i++)
        {
            float value = source[i] * (words[i] >> 8 >= mask.Threshold ? mask.Scale : 0f);
            target[i] = add ? target[i] + value : value;
        }
    }
}

using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One thread four elements of a sample, which share a Philox counter, and the tangents of the four.</summary>
public static partial class Dropout
{
    /// <param name="i">n blocks + index of the four elements within the sample.</param>
    /// <param name="counter">Step and first sample.</param>
    /// <param name="source">Primal, then the tangent if there is one.</param>
    /// <param name="target">Like the source.</param>
    /// <param name="stream">Purpose and key.</param>
    /// <param name="elements">Elements of a sample.</param>
    /// <param name="blocks">Groups of four in a sample.</param>
    /// <param name="tangent">Where the tangent begins, or 0 if there is none.</param>
    /// <param name="threshold">Least upper 24 bits of a word whose element stays.</param>
    /// <param name="scale">Factor of an element that stays.</param>
    /// <param name="add">1 to add to the target, 0 to overwrite.</param>
    internal static void MaskedKernel(
        Index1D i, ArrayView<int> counter, ArrayView<float> source, ArrayView<float> target, RandomStream stream,
        int elements, int blocks, int tangent, uint threshold, float scale, int add)
    {
        int n = i / blocks;
        int block = i - n * blocks;
        Philox.Words words = RandomStream.At(stream, counter[0], counter[1] + n, block);
        int element = 4 * block;
        int place = n * elements + element;
        Put(source, target, place, tangent, words.A >> 8 >= threshold ? scale : 0f, add);
        if (element + 1 < elements)
            Put(source, target, place + 1, tangent, words.B >> 8 >= threshold ? scale : 0f, add);
        if (element + 2 < elements)
            Put(source, target, place + 2, tangent, words.C >> 8 >= threshold ? scale : 0f, add);
        if (element + 3 < elements)
            Put(source, target, place + 3, tangent, words.D >> 8 >= threshold ? scale : 0f, add);
    }

    private static void Put(ArrayView<float> source, ArrayView<float> target, int place, int tangent, float factor, int add)
    {
        target[place] = (add != 0 ? target[place] : 0f) + source[place] * factor;
        if (tangent != 0)
            target[place + tangent] = source[place + tangent] * factor;
    }

    private static Action MaskedGpu(GpuDevice gpu, Tensor source, GradientSlot target, Mask mask, Tensor counter)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<float>, ArrayView<float>, RandomStream, int, int, int, uint, float, int>(MaskedKernel);
        int samples = source.Shape.N, blocks = RandomStream.BlocksPerSample(source);
        return () => kernel(
            gpu.Stream, samples * blocks, counter.ViewOf<int>(), source.View, target.Tensor.View, mask.Stream, source.Count / samples,
            blocks, source.HasTangent ? source.Count : 0, mask.Threshold, mask.Scale, target.Add);
    }
}

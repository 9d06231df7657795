using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// On a GPU, each thread takes four elements of a sample, which share a Philox counter, and their tangents; or two such groups if the
/// type is bf16 and samples are multiples of eight elements.
/// </summary>
public static partial class Dropout
{
    /// <param name="i">n blocks + index of the group of four elements within sample n.</param>
    /// <param name="counter">Step, and index of the first sample.</param>
    /// <param name="source">Primal, then the tangent if there is one.</param>
    /// <param name="target">Output, laid out like the source.</param>
    /// <param name="stream">Purpose and key.</param>
    /// <param name="elements">Number of elements of a sample.</param>
    /// <param name="blocks">Number of groups of four elements in a sample.</param>
    /// <param name="tangent">Offset of the tangent in elements, or 0 if there is none.</param>
    /// <param name="threshold">Value that the upper 24 bits of an element's word must reach for it to stay.</param>
    /// <param name="scale">Factor of an element that stays.</param>
    /// <param name="add">1 to add to the target, 0 to overwrite.</param>
    internal static void MaskedKernel<TElement>(
        Index1D i, ArrayView<int> counter, ArrayView<TElement> source, ArrayView<TElement> target, RandomStream stream,
        int elements, int blocks, int tangent, uint threshold, float scale, int add)
        where TElement : unmanaged, IElement<TElement>
    {
        int n = i / blocks;
        int block = i - n * blocks;
        Float4 factors = Factors(counter, stream, n, block, threshold, scale);
        int element = 4 * block;
        int place = n * elements + element;
        Put(source, target, place, tangent, factors.X, add);
        if (element + 1 < elements)
            Put(source, target, place + 1, tangent, factors.Y, add);
        if (element + 2 < elements)
            Put(source, target, place + 2, tangent, factors.Z, add);
        if (element + 3 < elements)
            Put(source, target, place + 3, tangent, factors.W, add);
    }

    /// <summary>As <see cref="MaskedKernel"/>, with two groups per thread; the tangent's offset counts packs.</summary>
    internal static void MaskedPacksKernel(
        Index1D i, ArrayView<int> counter, ArrayView<Bf16x8> source, ArrayView<Bf16x8> target, RandomStream stream,
        int packs, int tangent, uint threshold, float scale, int add)
    {
        int n = i / packs;
        int block = 2 * (i - n * packs);
        Float8 value = Bf16x8.Widen(source[i]);
        Float8 tangentValue = tangent != 0 ? Bf16x8.Widen(source[i + tangent]) : Float8.All(0f);
        Float8 factors = Float8.Of(
            Factors(counter, stream, n, block, threshold, scale), Factors(counter, stream, n, block + 1, threshold, scale));
        value *= factors;
        target[i] = Bf16x8.Narrow(add != 0 ? Bf16x8.Widen(target[i]) + value : value);
        if (tangent != 0)
            target[i + tangent] = Bf16x8.Narrow(tangentValue * factors);
    }

    /// <summary>Factors of the four elements of a block: 0, or the scale.</summary>
    internal static Float4 Factors(ArrayView<int> counter, RandomStream stream, int sample, int block, uint threshold, float scale)
    {
        Philox.Words words = RandomStream.At(stream, counter[0], counter[1] + sample, block);
        return Float4.Of(
            words.A >> 8 >= threshold ? scale : 0f, words.B >> 8 >= threshold ? scale : 0f,
            words.C >> 8 >= threshold ? scale : 0f, words.D >> 8 >= threshold ? scale : 0f);
    }

    private static void Put<TElement>(ArrayView<TElement> source, ArrayView<TElement> target, int place, int tangent, float factor, int add)
        where TElement : unmanaged, IElement<TElement>
    {
        float value = TElement.ToSingle(source[place]) * factor;
        target[place] = TElement.FromSingle(add != 0 ? TElement.ToSingle(target[place]) + value : value);
        if (tangent != 0)
            target[place + tangent] = TElement.FromSingle(TElement.ToSingle(source[place + tangent]) * factor);
    }

    private static Action MaskedGpu(GpuDevice gpu, Tensor source, GradientSlot target, Rule mask)
    {
        if (source.Type == DType.Float32)
            return MaskedElements<Single32>(gpu, source, target, mask);
        return source.Count / source.Shape.N % Bf16x8.Width == 0
            ? MaskedPacks(gpu, source, target, mask)
            : MaskedElements<BFloat16>(gpu, source, target, mask);
    }

    private static Action MaskedElements<TElement>(GpuDevice gpu, Tensor source, GradientSlot target, Rule mask)
        where TElement : unmanaged, IElement<TElement>
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<TElement>, ArrayView<TElement>, RandomStream, int, int, int, uint, float, int>(MaskedKernel);
        int samples = source.Shape.N, blocks = RandomStream.BlocksPerSample(source);
        return () => kernel(
            gpu.Stream, samples * blocks, mask.Counter.ViewOf<int>(), source.ViewOf<TElement>(), target.Tensor.ViewOf<TElement>(), mask.Stream,
            source.Count / samples, blocks, source.HasTangent ? source.Count : 0, mask.Threshold, mask.Scale, target.Add);
    }

    private static Action MaskedPacks(GpuDevice gpu, Tensor source, GradientSlot target, Rule mask)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<Bf16x8>, ArrayView<Bf16x8>, RandomStream, int, int, uint, float, int>(MaskedPacksKernel);
        int packs = source.Count / Bf16x8.Width;
        return () => kernel(
            gpu.Stream, packs, mask.Counter.ViewOf<int>(), Packs.View<Bf16x8>(source), Packs.View<Bf16x8>(target.Tensor), mask.Stream,
            packs / source.Shape.N, source.HasTangent ? packs : 0, mask.Threshold, mask.Scale, target.Add);
    }
}

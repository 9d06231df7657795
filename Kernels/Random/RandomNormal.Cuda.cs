using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread takes four elements of a sample, which share a Philox counter.</summary>
public static partial class RandomNormal
{
    internal static void IntoKernel(
        Index1D i, ArrayView<int> counter, ArrayView<float> target, RandomStream stream, int elements, int blocks, float scale)
    {
        int n = i / blocks;
        int block = i - n * blocks;
        if (stream.Keyed != 0)
        {
            stream.Key0 = (uint)counter[2];
            stream.Key1 = (uint)counter[3];
        }

        Quad quad = From(RandomStream.At(stream, counter[0], counter[1] + n, block));
        int element = 4 * block;
        int place = n * elements + element;
        target[place] = quad.A * scale;
        if (element + 1 < elements)
            target[place + 1] = quad.B * scale;
        if (element + 2 < elements)
            target[place + 2] = quad.C * scale;
        if (element + 3 < elements)
            target[place + 3] = quad.D * scale;
    }

    private static Action IntoGpu(GpuDevice gpu, Tensor target, RandomStream stream, Tensor counter, float scale)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<float>, RandomStream, int, int, float>(IntoKernel);
        int samples = target.Shape.N, blocks = RandomStream.BlocksPerSample(target);
        return () => kernel(
            gpu.Stream, samples * blocks, counter.ViewOf<int>(), target.View, stream, target.Count / samples, blocks, scale);
    }
}

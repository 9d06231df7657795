using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Extension;

/// <summary>The product for every other device and shape: in ILGPU's words, an element a thread, and on the host.</summary>
public static partial class WarpProduct
{
    private static Action Portable(GpuDevice gpu, Tensor a, Tensor b, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<BFloat16>, ArrayView<BFloat16>, ArrayView<float>, int>(PortableKernel);
        return () => kernel(gpu.Stream, y.Count, a.ViewOf<BFloat16>(), b.ViewOf<BFloat16>(), y.View, a.Shape[1]);
    }

    private static void PortableKernel(Index1D i, ArrayView<BFloat16> a, ArrayView<BFloat16> b, ArrayView<float> y, int k)
    {
        float sum = 0;
        for (int j = 0; j < k; j++)
            sum += BFloat16.ToSingle(a[i / Columns * k + j]) * BFloat16.ToSingle(b[i % Columns * k + j]);
        y[i] = sum;
    }

    private static void OnHost(Tensor a, Tensor b, Tensor y)
    {
        int k = a.Shape[1];
        for (int i = 0; i < y.Count; i++)
        {
            float sum = 0;
            for (int j = 0; j < k; j++)
                sum += BFloat16.ToSingle(a.SpanOf<BFloat16>()[i / Columns * k + j]) * BFloat16.ToSingle(b.SpanOf<BFloat16>()[i % Columns * k + j]);
            y.Span[i] = sum;
        }
    }
}

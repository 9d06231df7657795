using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One group a row: rows are few, and short enough that the later loops read from the first-level cache.</summary>
public static partial class PixelNorm
{
    /// <summary>A tangent lies <paramref name="tangentAt"/> elements behind its primal; 0 for none.</summary>
    internal static void ForwardKernel(ArrayView<float> x, ArrayView<float> y, int channels, float epsilon, int tangentAt)
    {
        int start = Grid.IdxX * channels;
        float r = ReciprocalRoot(x, start, channels, epsilon);
        for (int i = start + Group.IdxX; i < start + channels; i += Group.DimX)
            y[i] = x[i] * r;
        if (tangentAt == 0)
            return;
        float weight = r * Projection(x, start, x, start + tangentAt, channels, r);
        for (int i = start + Group.IdxX; i < start + channels; i += Group.DimX)
            y[i + tangentAt] = r * x[i + tangentAt] - weight * (x[i] * r);
    }

    internal static void BackwardKernel(ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dx, int channels, float epsilon, int add)
    {
        int start = Grid.IdxX * channels;
        float r = ReciprocalRoot(x, start, channels, epsilon);
        float weight = r * Projection(x, start, dy, start, channels, r);
        for (int i = start + Group.IdxX; i < start + channels; i += Group.DimX)
        {
            float contribution = r * dy[i] - weight * (x[i] * r);
            dx[i] = add != 0 ? dx[i] + contribution : contribution;
        }
    }

    private static float ReciprocalRoot(ArrayView<float> x, int start, int channels, float epsilon)
    {
        float sum = 0f;
        for (int i = start + Group.IdxX; i < start + channels; i += Group.DimX)
            sum += x[i] * x[i];
        return 1f / MathF.Sqrt((float)GroupSum.Of(sum) / channels + epsilon);
    }

    /// <summary>mean(y v) with y = r x.</summary>
    private static float Projection(ArrayView<float> x, int xStart, ArrayView<float> v, int vStart, int channels, float r)
    {
        float sum = 0f;
        for (int i = Group.IdxX; i < channels; i += Group.DimX)
            sum += x[xStart + i] * v[vStart + i];
        return r * (float)GroupSum.Of(sum) / channels;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor y, float epsilon)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, int, float, int>(ForwardKernel);
        var grid = new KernelConfig(Rows(x), gpu.ReductionGroup);
        int tangentAt = x.HasTangent ? x.Count : 0;
        return () => kernel(gpu.Stream, grid, x.View, y.View, x.Shape.C, epsilon, tangentAt);
    }

    private static Action BackwardGpu(GpuDevice gpu, Tensor x, Tensor dy, GradientSlot dx, float epsilon)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, int, float, int>(BackwardKernel);
        var grid = new KernelConfig(Rows(x), gpu.ReductionGroup);
        return () => kernel(gpu.Stream, grid, x.View, dy.View, dx.Tensor.View, x.Shape.C, epsilon, dx.Add);
    }
}

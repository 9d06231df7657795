using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Portable kernels for runs of any length: a group normalises a run.</summary>
public static partial class MagnitudeNorm
{
    private const int RunGroup = 64;

    /// <param name="x">Runs, then their tangents if there are any.</param>
    /// <param name="y">The same of N(x).</param>
    /// <param name="activated">The same of gain silu(N(x)).</param>
    /// <param name="written">Which of the two are written, see <see cref="Outputs.Written"/>.</param>
    /// <param name="e">Extents.</param>
    internal static void ForwardKernel<T>(ArrayView<T> x, ArrayView<T> y, ArrayView<T> activated, int written, Extents e)
        where T : unmanaged, IElement<T>
    {
        int start = Grid.IdxX * e.Run, tangentStart = start + e.TangentOffset;
        MagnitudeScale of = e.Of(MeanProduct(x, start, start, e.Run));
        float projection = 0f;
        if (e.Tangent != 0)
            projection = of.Weight * MeanProduct(x, start, tangentStart, e.Run);
        for (int i = Group.IdxX; i < e.Run; i += Group.DimX)
        {
            float primal = T.ToSingle(x[start + i]), n = of.R * primal, s = 1f / (1f + MathF.Exp(-n)), tangent = 0f;
            if ((written & WritesNorm) != 0)
                y[start + i] = T.FromSingle(n);
            if (e.Tangent != 0)
            {
                tangent = of.R * T.ToSingle(x[tangentStart + i]) - primal * projection;
                y[tangentStart + i] = T.FromSingle(tangent);
            }

            if ((written & WritesActivated) == 0)
                continue;
            activated[start + i] = T.FromSingle(e.Gain * (n * s));
            if (e.Tangent != 0)
                activated[tangentStart + i] = T.FromSingle(e.Gain * DeviceMath.SiluSlope(n, s) * tangent);
        }
    }

    /// <param name="x">Runs.</param>
    /// <param name="dy">Cotangent of N(x), not used if its factor is 0.</param>
    /// <param name="ds">Cotangent of gain silu(N(x)); not used without.</param>
    /// <param name="dx">Gradient.</param>
    /// <param name="factor">Factor of dy.</param>
    /// <param name="silu">1 if there is ds, otherwise 0.</param>
    /// <param name="add">1 to add to dx, 0 to overwrite it.</param>
    /// <param name="e">Extents.</param>
    internal static void BackwardKernel<T>(
        ArrayView<T> x, ArrayView<T> dy, ArrayView<T> ds, ArrayView<T> dx, float factor, int silu, int add, Extents e)
        where T : unmanaged, IElement<T>
    {
        int start = Grid.IdxX * e.Run;
        MagnitudeScale of = e.Of(MeanProduct(x, start, start, e.Run));
        float sum = 0f;
        for (int i = Group.IdxX; i < e.Run; i += Group.DimX)
            sum += T.ToSingle(x[start + i]) * CotangentOf(x, dy, ds, start + i, of.R, factor, silu, e.Gain);
        float projection = of.Weight * ((float)GroupSum.Of(sum) / e.Run);
        for (int i = Group.IdxX; i < e.Run; i += Group.DimX)
        {
            float value = of.R * CotangentOf(x, dy, ds, start + i, of.R, factor, silu, e.Gain) - T.ToSingle(x[start + i]) * projection;
            dx[start + i] = T.FromSingle(add != 0 ? T.ToSingle(dx[start + i]) + value : value);
        }
    }

    /// <summary>Cotangent of N(x) through both outputs.</summary>
    private static float CotangentOf<T>(ArrayView<T> x, ArrayView<T> dy, ArrayView<T> ds, int i, float r, float factor, int silu, float gain)
        where T : unmanaged, IElement<T>
    {
        float g = 0f;
        if (factor != 0f)
            g = factor * T.ToSingle(dy[i]);
        if (silu != 0)
        {
            float n = r * T.ToSingle(x[i]), s = 1f / (1f + MathF.Exp(-n));
            g += gain * DeviceMath.SiluSlope(n, s) * T.ToSingle(ds[i]);
        }

        return g;
    }

    private static float MeanProduct<T>(ArrayView<T> x, int first, int second, int length)
        where T : unmanaged, IElement<T>
    {
        float sum = 0f;
        for (int i = Group.IdxX; i < length; i += Group.DimX)
            sum += T.ToSingle(x[first + i]) * T.ToSingle(x[second + i]);
        return (float)GroupSum.Of(sum) / length;
    }

    private static Action ForwardGpu(GpuDevice gpu, Extents e, Tensor x, Outputs outputs)
    {
        if (LanesFor(gpu, x, e) is { } lanes)
            return lanes.Load(new ForwardLaunch(gpu, e, x, outputs, lanes));
        return x.Type == DType.BFloat16 ? ForwardPortable<BFloat16>(gpu, e, x, outputs) : ForwardPortable<Single32>(gpu, e, x, outputs);
    }

    private static Action BackwardGpu(GpuDevice gpu, Extents e, Tensor x, Gradients gradients)
    {
        if (LanesFor(gpu, x, e) is { } lanes)
            return lanes.Load(new BackwardLaunch(gpu, e, x, gradients, lanes));
        return x.Type == DType.BFloat16 ? BackwardPortable<BFloat16>(gpu, e, x, gradients) : BackwardPortable<Single32>(gpu, e, x, gradients);
    }

    private static Action ForwardPortable<T>(GpuDevice gpu, Extents e, Tensor x, Outputs outputs)
        where T : unmanaged, IElement<T>
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<T>, ArrayView<T>, ArrayView<T>, int, Extents>(ForwardKernel);
        KernelConfig grid = GridOf(gpu, e);
        return () => kernel(gpu.Stream, grid, x.ViewOf<T>(), (outputs.Y ?? outputs.Some).ViewOf<T>(), (outputs.Activated ?? outputs.Some).ViewOf<T>(), outputs.Written, e);
    }

    private static Action BackwardPortable<T>(GpuDevice gpu, Extents e, Tensor x, Gradients gradients)
        where T : unmanaged, IElement<T>
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<T>, ArrayView<T>, ArrayView<T>, ArrayView<T>, float, int, int, Extents>(BackwardKernel);
        KernelConfig grid = GridOf(gpu, e);
        return () => kernel(
            gpu.Stream, grid, x.ViewOf<T>(), (gradients.Dy ?? x).ViewOf<T>(), (gradients.Activated ?? x).ViewOf<T>(), gradients.X.Tensor.ViewOf<T>(),
            gradients.Factor, gradients.Activated is null ? 0 : 1, gradients.X.Add, e);
    }

    private static KernelConfig GridOf(GpuDevice gpu, Extents e) => new(e.Rows, Math.Min(RunGroup, gpu.ReductionGroup));

    private static RowLanes? LanesFor(GpuDevice gpu, Tensor x, Extents e) =>
        x.Type == DType.BFloat16 ? RowLanes.Of(gpu, e.Rows, e.Run)?.Dividing(gpu, e.Rows, MostRowsOfLane) ?? RowLanes.Of(gpu, e.Rows, e.Run) : null;
}

using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>One group normalises a run of a row: runs are short enough that the later loops read from the first-level cache.</summary>
public static partial class PixelNorm
{
    /// <summary>Threads of a group, two warps: each thread has only a few elements, so more threads would spend their time at barriers.</summary>
    private const int RunGroup = 64;

    /// <param name="x">(rows, columns), followed by its tangent if it has one.</param>
    /// <param name="y">The parts, each followed by its tangent.</param>
    /// <param name="runs">All runs of a row.</param>
    /// <param name="count">Their number.</param>
    /// <param name="rows">N.</param>
    /// <param name="columns">C.</param>
    /// <param name="added">The epsilons.</param>
    /// <param name="tangent">1 if x carries a tangent, otherwise 0.</param>
    internal static void ForwardKernel(
        ArrayView<float> x, ArrayView<float> y, ArrayView<Run> runs, int count, int rows, int columns, Epsilons added, int tangent)
    {
        int row = Grid.IdxX / count;
        Run run = runs[Grid.IdxX - row * count];
        int start = row * columns + run.Column, target = run.At(row, rows + tangent * rows);
        Factors factors = FactorsOf(x, start, run.Length, added);
        float r = factors.R;
        for (int i = Group.IdxX; i < run.Length; i += Group.DimX)
            y[target + i] = x[start + i] * r;
        if (tangent == 0)
            return;
        int tangentStart = start + rows * columns, tangentTarget = target + rows * run.Width;
        float weight = factors.OverRoot * Projection(x, start, x, tangentStart, run.Length, r);
        for (int i = Group.IdxX; i < run.Length; i += Group.DimX)
            y[tangentTarget + i] = r * x[tangentStart + i] - weight * (x[start + i] * r);
    }

    /// <param name="x">(rows, columns).</param>
    /// <param name="dy">The cotangents of the parts.</param>
    /// <param name="dx">(rows, columns).</param>
    /// <param name="runs">All runs of a row.</param>
    /// <param name="count">Their number.</param>
    /// <param name="rows">N.</param>
    /// <param name="columns">C.</param>
    /// <param name="added">The epsilons.</param>
    /// <param name="add">1 to add to dx, 0 to overwrite it.</param>
    internal static void BackwardKernel(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dx, ArrayView<Run> runs, int count, int rows, int columns, Epsilons added, int add)
    {
        int row = Grid.IdxX / count;
        Run run = runs[Grid.IdxX - row * count];
        int start = row * columns + run.Column, source = run.At(row, rows);
        if (run.Width == 0)
        {
            for (int i = Group.IdxX; i < run.Length && add == 0; i += Group.DimX)
                dx[start + i] = 0f;
            return;
        }

        Factors factors = FactorsOf(x, start, run.Length, added);
        float r = factors.R;
        float weight = factors.OverRoot * Projection(x, start, dy, source, run.Length, r);
        for (int i = Group.IdxX; i < run.Length; i += Group.DimX)
        {
            float contribution = r * dy[source + i] - weight * (x[start + i] * r);
            dx[start + i] = add != 0 ? dx[start + i] + contribution : contribution;
        }
    }

    private static Factors FactorsOf(ArrayView<float> x, int start, int length, Epsilons added)
    {
        float sum = 0f;
        for (int i = start + Group.IdxX; i < start + length; i += Group.DimX)
            sum += x[i] * x[i];
        return Factors.Of((float)GroupSum.Of(sum) / length, added);
    }

    /// <summary>mean(y v) with y = r x.</summary>
    private static float Projection(ArrayView<float> x, int xStart, ArrayView<float> v, int vStart, int length, float r)
    {
        float sum = 0f;
        for (int i = Group.IdxX; i < length; i += Group.DimX)
            sum += x[xStart + i] * v[vStart + i];
        return r * (float)GroupSum.Of(sum) / length;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor y, Run[] runs, Epsilons added)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<Run>, int, int, int, Epsilons, int>(ForwardKernel);
        KernelConfig grid = GridOf(gpu, x, runs);
        Tensor table = TableOf(gpu, runs);
        return () => kernel(
            gpu.Stream, grid, x.View, y.View, table.ViewOf<int>().Cast<Run>(), runs.Length, x.Shape.N, x.Shape.C, added, x.HasTangent ? 1 : 0);
    }

    private static Action BackwardGpu(GpuDevice gpu, Tensor x, Tensor dy, GradientSlot dx, Run[] runs, Epsilons added)
    {
        var kernel = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<Run>, int, int, int, Epsilons, int>(BackwardKernel);
        KernelConfig grid = GridOf(gpu, x, runs);
        Tensor table = TableOf(gpu, runs);
        return () => kernel(
            gpu.Stream, grid, x.View, dy.View, dx.Tensor.View, table.ViewOf<int>().Cast<Run>(), runs.Length, x.Shape.N, x.Shape.C, added, dx.Add);
    }

    private static KernelConfig GridOf(GpuDevice gpu, Tensor x, Run[] runs) => new(x.Shape.N * runs.Length, Math.Min(RunGroup, gpu.ReductionGroup));

    /// <summary>The runs in device memory, for as long as the program that is being recorded.</summary>
    private static Tensor TableOf(GpuDevice gpu, Run[] runs)
    {
        ReadOnlySpan<int> words = MemoryMarshal.Cast<Run, int>(runs.AsSpan());
        Tensor table = gpu.CreateTensor(new Shape(words.Length), DType.Int32);
        gpu.Own(table);
        table.Upload(words);
        return table;
    }
}

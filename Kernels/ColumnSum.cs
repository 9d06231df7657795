using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Sums the rows of a matrix on a GPU: bias gradients from dy, weight gradients from partial sums. Runs of 64 rows are summed
/// at a time until one row is left, so the order depends on the number of rows alone.
/// </summary>
/// <remarks>One thread a column of a run; neighbouring threads read neighbouring columns. Everything is read once.</remarks>
internal sealed class ColumnSum(GpuDevice gpu)
{
    private const int Run = 64;

    private readonly Action<AcceleratorStream, Index1D, ArrayView<float>, ArrayView<float>, int, int, int> kernel =
        gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int, int, int>(SumRunsKernel);

    internal static void SumRunsKernel(Index1D i, ArrayView<float> source, ArrayView<float> target, int rows, int columns, int add)
    {
        int run = i / columns, column = i - run * columns;
        int row = run * Run, end = row + Run < rows ? row + Run : rows;
        // Four sums, so that four loads are under way at a time.
        float sum0 = 0f, sum1 = 0f, sum2 = 0f, sum3 = 0f;
        int index = row * columns + column;
        for (; row + 3 < end; row += 4)
        {
            sum0 += source[index];
            sum1 += source[index + columns];
            sum2 += source[index + 2 * columns];
            sum3 += source[index + 3 * columns];
            index += 4 * columns;
        }

        for (; row < end; row++)
        {
            sum0 += source[index];
            index += columns;
        }

        float sum = sum0 + sum1 + (sum2 + sum3);
        target[i] = add != 0 ? target[i] + sum : sum;
    }

    /// <summary>Rows of intermediate sums that <see cref="Launch"/> needs room for; none up to 64 rows.</summary>
    public static int ScratchRows(int rows)
    {
        int scratch = 0;
        for (; rows > Run; rows = Runs(rows))
            scratch += Runs(rows);
        return scratch;
    }

    /// <summary>Room for the intermediate sums of a (rows, columns) matrix; null where none is needed, as on the host.</summary>
    public static Tensor? Scratch(ComputeProgram program, int rows, int columns) =>
        program.Device is GpuDevice && ScratchRows(rows) > 0 ? program.Allocate(new Shape(ScratchRows(rows), columns)) : null;

    /// <summary>The gradient of a bias (C) from dy (..., C).</summary>
    public static Action Gradient(GpuDevice gpu, Tensor dy, Tensor? scratch, GradientSlot dBias, float scale = 1)
    {
        var sum = new ColumnSum(gpu);
        int columns = dy.Shape.C, rows = dy.Count / columns;
        return () => sum.Launch(dy.View, rows, columns, scratch is null ? default : scratch.View, 0, dBias.Tensor.View, dBias.Add);
    }

    /// <summary>Writes the sums of the columns to the target, or adds them.</summary>
    /// <param name="source">(rows, columns).</param>
    /// <param name="rows">Rows of the source.</param>
    /// <param name="columns">Columns of the source.</param>
    /// <param name="scratch">Memory for <see cref="ScratchRows"/> rows from element <paramref name="used"/> on.</param>
    /// <param name="used">Where the free part of the scratch memory begins.</param>
    /// <param name="target">(columns).</param>
    /// <param name="add">1 to add to the target, 0 to overwrite it.</param>
    public void Launch(ArrayView<float> source, int rows, int columns, ArrayView<float> scratch, int used, ArrayView<float> target, int add)
    {
        for (; rows > Run; rows = Runs(rows))
        {
            ArrayView<float> sums = scratch.SubView(used, Runs(rows) * columns);
            kernel(gpu.Stream, Runs(rows) * columns, source, sums, rows, columns, 0);
            source = sums;
            used += Runs(rows) * columns;
        }

        kernel(gpu.Stream, columns, source, target, rows, columns, add);
    }

    private static int Runs(int rows) => (rows + Run - 1) / Run;
}

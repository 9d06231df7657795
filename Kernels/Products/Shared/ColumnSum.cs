using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Sums the rows of a matrix on a GPU: weight gradients from partial sums. It sums runs of 64 rows until one row is left. The order depends on the
/// shape alone, as it does in <see cref="Gradient"/>.
/// </summary>
/// <remarks>One thread sums one column of a run; neighbouring threads read neighbouring columns, and everything is read once.</remarks>
internal sealed partial class ColumnSum(GpuDevice gpu)
{
    private const int Run = 64;

    private readonly Action<AcceleratorStream, Index1D, ArrayView<float>, ArrayView<float>, int, int, int> kernel =
        gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int, int, int>(SumRunsKernel);

    internal static void SumRunsKernel(Index1D i, ArrayView<float> source, ArrayView<float> target, int rows, int columns, int add)
    {
        int run = i / columns, column = i - run * columns;
        int row = run * Run, end = row + Run < rows ? row + Run : rows;
        // Four sums, so that four loads are in flight at a time.
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

    /// <summary>Number of rows of intermediate sums that <see cref="Launch"/> needs; none for up to 64 rows.</summary>
    public static int ScratchRows(int rows)
    {
        int scratch = 0;
        for (; rows > Run; rows = Runs(rows))
            scratch += Runs(rows);
        return scratch;
    }

    /// <summary>Writes the sums of the columns to the target, or adds them to it.</summary>
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

using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Multithreaded matrix products on the host, shared by convolutions, linear layers and matrix multiplication.</summary>
internal static unsafe class ThreadedGemm
{
    /// <summary>C = start + A B, or C += A B; A (rows, depth) and C (rows, columns) are contiguous.</summary>
    /// <param name="cpu">Device whose threads run the product.</param>
    /// <param name="a">First element of A.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="b">Packed B with its bias.</param>
    /// <param name="c">First element of C.</param>
    /// <param name="add">Whether the sums start from C.</param>
    /// <param name="primalRows">Rows of the primal, whose sums start from the bias; the sums of the other rows, a tangent, start from zero.</param>
    public static void Multiply(CpuDevice cpu, float* a, int rows, PackedB b, float* c, bool add, int primalRows)
    {
        int halves = rows / primalRows;
        var split = GemmPartition.Of(cpu, primalRows, b.Depth, b.Depth, b.Columns, halves);
        cpu.For(halves * split.RowItems * split.ColumnItems, item =>
        {
            int column = item % split.ColumnItems * split.Columns, rowItem = item / split.ColumnItems;
            int half = rowItem / split.RowItems, first = rowItem % split.RowItems * split.Rows;
            nint row = (nint)half * primalRows + first;
            StridedGemm.Multiply(
                a + row * b.Depth, b.Depth, 1, Math.Min(split.Rows, primalRows - first), b.Depth, b.Panels + (nint)column * b.Depth,
                Math.Min(split.Columns, b.Columns - column), c + row * b.Columns + column, b.Columns,
                add ? null : (half == 0 ? b.Bias : b.Zeros) + column);
        });
    }

    /// <summary>dW (+)= dy' X, a sum over pixels: dy is (pixels, k), X the patch matrix of the images, dW (k, columns of X).</summary>
    /// <remarks>
    /// The shape alone decides how the pixels are cut into chunks. Each chunk has its own sum, and the sums are added in order, so that
    /// the result has the same bits on any number of threads.
    /// </remarks>
    public static void Gradient(CpuDevice cpu, float* dy, long pixels, int k, ImagePatches patches, float* dw, bool add)
    {
        const long maxPartialFloats = 1 << 20; // 4 MB
        BlockedGemm gemm = BlockedGemm.Widest;
        int columns = patches.Columns, panels = gemm.Panels(columns), width = gemm.PanelColumns;
        long weights = (long)k * columns;
        int chunks = (int)Math.Clamp(pixels / 512, 1, Math.Clamp(maxPartialFloats / weights, 1, 32));
        int groups = (int)Math.Clamp(Math.Min(32 / chunks, 2 * pixels * weights / chunks / GemmPartition.MinItemFlops), 1, panels);
        int panelsPerGroup = (panels + groups - 1) / groups;
        groups = (panels + panelsPerGroup - 1) / panelsPerGroup;

        long stride = HostScratch.Lines(weights);
        float* zeros = HostScratch.OfCall(HostScratch.Lines(width) + chunks * stride), sums = zeros + HostScratch.Lines(width);
        new Span<float>(zeros, width).Clear();

        cpu.For(chunks * groups, item =>
        {
            int chunk = item / groups, group = item % groups;
            int depth = gemm.PanelDepth;
            float* panel = HostScratch.OfItem((long)depth * width);
            float* target = chunks == 1 ? dw : sums + chunk * stride;
            long first = pixels * chunk / chunks, end = pixels * (chunk + 1) / chunks;
            for (long pixel = first; pixel < end; pixel += depth)
            {
                int count = (int)Math.Min(depth, end - pixel);
                int last = Math.Min(columns, (group + 1) * panelsPerGroup * width);
                for (int column = group * panelsPerGroup * width; column < last; column += width)
                {
                    int taken = Math.Min(width, columns - column);
                    gemm.PackPatches(patches, pixel, pixel + count, column, taken, panel);
                    float* start = pixel == first && !(chunks == 1 && add) ? zeros : null;
                    StridedGemm.Multiply(dy + pixel * k, 1, k, k, count, panel, taken, target + column, columns, start);
                }
            }
        });

        if (chunks > 1)
            AddInOrder(cpu, sums, chunks, stride, weights, dw, add);
    }

    /// <summary>db (+)= the sum of the rows of dy (rows, k), over chunks as in <see cref="Gradient"/>.</summary>
    public static void SumRows(CpuDevice cpu, float* dy, long rows, int k, float* db, bool add)
    {
        int chunks = (int)Math.Clamp(rows * k / 32768, 1, 32);
        int together = Math.Max(1, 256 / k); // rows added as one vector, so that even three channels fill registers
        long stride = HostScratch.Lines((long)together * k);
        float* sums = HostScratch.OfCall(chunks * stride);
        cpu.For(chunks, chunk =>
        {
            long first = rows * chunk / chunks, end = rows * (chunk + 1) / chunks;
            var sum = new Span<float>(sums + chunk * stride, together * k);
            sum.Clear();
            for (; first + together <= end; first += together)
                TensorPrimitives.Add(sum, new ReadOnlySpan<float>(dy + first * k, sum.Length), sum);
            Span<float> row = sum[..k];
            for (int i = 1; i < together; i++)
                TensorPrimitives.Add(row, sum.Slice(i * k, k), row);
            for (; first < end; first++)
                TensorPrimitives.Add(row, new ReadOnlySpan<float>(dy + first * k, k), row);
        });
        AddInOrder(cpu, sums, chunks, stride, k, db, add);
    }

    private static void AddInOrder(CpuDevice cpu, float* sums, int count, long stride, long length, float* target, bool add)
    {
        cpu.For(length, 4096, (from, to) =>
        {
            var result = new Span<float>(target + from, (int)(to - from));
            for (int i = 0; i < count; i++)
            {
                var sum = new ReadOnlySpan<float>(sums + i * stride + from, result.Length);
                if (i == 0 && !add)
                    sum.CopyTo(result);
                else
                    TensorPrimitives.Add(result, sum, result);
            }
        });
    }
}

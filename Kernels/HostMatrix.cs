using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Threaded matrix products of the host: what convolution, linear layers and matrix multiplication share.</summary>
internal static unsafe class HostMatrix
{
    /// <summary>Work below which a second thread costs more than it saves: some ten microseconds of one core.</summary>
    private const long ItemFlops = 1_000_000;

    /// <summary>Packs B, whose rows are contiguous, on all threads.</summary>
    public static void PackRows(CpuDevice cpu, float* b, int depth, int columns, float* panels)
    {
        HostGemm gemm = HostGemm.Widest;
        EachPanel(cpu, depth, columns, (column, width) => gemm.PackRows(b + column, columns, depth, width, panels + (nint)column * depth));
    }

    /// <summary>Packs B, whose columns are contiguous, on all threads: the transpose of a (columns, depth) matrix.</summary>
    public static void PackColumns(CpuDevice cpu, float* b, int depth, int columns, float* panels)
    {
        HostGemm gemm = HostGemm.Widest;
        EachPanel(cpu, depth, columns, (column, width) => gemm.PackColumns(b + (nint)column * depth, depth, depth, width, panels + (nint)column * depth));
    }

    /// <summary>Calls pack(first column, columns) for every panel, several to an item where they are small.</summary>
    public static void EachPanel(CpuDevice cpu, int depth, int columns, Action<int, int> pack)
    {
        int panel = HostGemm.Widest.PanelColumns;
        int grain = Math.Max(1, (1 << 17) / (depth * panel));
        cpu.For(HostGemm.Widest.Panels(columns), grain, (from, to) =>
        {
            for (int column = (int)from * panel; from < to; from++, column += panel)
                pack(column, Math.Min(panel, columns - column));
        });
    }

    /// <summary>C = start + A B, or C += A B where start is null; A is (rows, depth), C (rows, columns), both without gaps.</summary>
    /// <param name="cpu">Whose threads run it.</param>
    /// <param name="a">A.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="panels">B, packed.</param>
    /// <param name="columns">Columns of B and C.</param>
    /// <param name="c">C.</param>
    /// <param name="start">What row i begins with, filled up to whole panels; null to add.</param>
    /// <param name="other">What the rows from <paramref name="startRows"/> on begin with.</param>
    /// <param name="startRows">Rows that begin with start: those of the primal.</param>
    public static void Multiply(
        CpuDevice cpu, float* a, int rows, int depth, float* panels, int columns, float* c, float* start, float* other, int startRows)
    {
        HostGemm gemm = HostGemm.Widest;
        int halves = rows / startRows;
        var split = WorkSplit.Of(cpu, startRows, depth, depth, columns, halves);
        cpu.For(halves * split.RowItems * split.ColumnItems, item =>
        {
            int columnItem = item % split.ColumnItems, rowItem = item / split.ColumnItems;
            int half = rowItem / split.RowItems, first = rowItem % split.RowItems * split.Rows;
            int count = Math.Min(split.Rows, startRows - first);
            int column = columnItem * split.Columns;
            int* offsets = stackalloc int[count + HostGemm.Spare];
            for (int i = 0; i < count; i++)
                offsets[i] = i * depth;
            HostGemm.FillUp(offsets, count);
            nint row = (nint)half * startRows + first;
            float* init = half == 0 ? start : other;
            gemm.Multiply(new BlockProduct
            {
                A = a + row * depth,
                Offsets = offsets,
                Rows = count,
                Walk = new RowWalk(1, 0, depth, 1),
                B = panels + (nint)column * depth,
                Columns = Math.Min(split.Columns, columns - column),
                C = c + row * columns + column,
                Stride = columns,
                Start = init == null ? null : init + column,
            });
        });
    }

    /// <summary>dW = dy' X over all pixels, or dW += it: dy is (pixels, k), X the patches of an image, dW (k, columns of X).</summary>
    /// <remarks>
    /// The pixels are cut into chunks by shape alone; each chunk sums by itself and the chunks are added in order, so that the
    /// result has the same bits on any number of threads.
    /// </remarks>
    public static void Gradient(CpuDevice cpu, float* dy, long pixels, int k, ImagePatches patches, float* dw, bool add)
    {
        const long partials = 1 << 20; // floats: 4 MB of partial sums at most
        HostGemm gemm = HostGemm.Widest;
        int columns = patches.Columns, panels = gemm.Panels(columns), width = gemm.PanelColumns;
        long weights = (long)k * columns;
        int chunks = (int)Math.Clamp(pixels / 512, 1, Math.Clamp(partials / weights, 1, 32));
        int groups = (int)Math.Clamp(Math.Min(32 / chunks, 2 * pixels * weights / chunks / ItemFlops), 1, panels);
        int panelsPerGroup = (panels + groups - 1) / groups;
        groups = (panels + panelsPerGroup - 1) / panelsPerGroup;

        float* call = HostScratch.OfCall(HostScratch.Lines(k + HostGemm.Spare) + HostScratch.Lines(width) + (chunks > 1 ? chunks * HostScratch.Lines(weights) : 0));
        int* offsets = (int*)call;
        for (int i = 0; i < k; i++)
            offsets[i] = i;
        HostGemm.FillUp(offsets, k);
        float* zeros = call + HostScratch.Lines(k + HostGemm.Spare), sums = zeros + HostScratch.Lines(width);
        new Span<float>(zeros, width).Clear();

        cpu.For(chunks * groups, item =>
        {
            int chunk = item / groups, group = item % groups;
            int depth = gemm.PanelDepth;
            float* panel = HostScratch.OfItem((long)depth * width);
            float* target = chunks == 1 ? dw : sums + chunk * HostScratch.Lines(weights);
            long first = pixels * chunk / chunks, end = pixels * (chunk + 1) / chunks;
            for (long pixel = first; pixel < end; pixel += depth)
            {
                int count = (int)Math.Min(depth, end - pixel);
                int last = Math.Min(columns, (group + 1) * panelsPerGroup * width);
                for (int column = group * panelsPerGroup * width; column < last; column += width)
                {
                    int taken = Math.Min(width, columns - column);
                    gemm.PackPatches(patches, pixel, pixel + count, column, taken, panel);
                    gemm.Multiply(new BlockProduct
                    {
                        A = dy + pixel * k,
                        Offsets = offsets,
                        Rows = k,
                        Walk = new RowWalk(1, 0, count, k),
                        B = panel,
                        Columns = taken,
                        C = target + column,
                        Stride = columns,
                        Start = pixel == first && !(chunks == 1 && add) ? zeros : null,
                    });
                }
            }
        });

        if (chunks > 1)
            AddInOrder(cpu, sums, chunks, HostScratch.Lines(weights), weights, dw, add);
    }

    /// <summary>db = the sum of the rows of dy (rows, k), or db += it, by the same rule of fixed chunks.</summary>
    public static void SumRows(CpuDevice cpu, float* dy, long rows, int k, float* db, bool add)
    {
        int chunks = (int)Math.Clamp(rows * k / 32768, 1, 32);
        int together = Math.Max(1, 256 / k); // rows added as one vector, so that three channels fill registers too
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

    /// <summary>How the rows and columns of C are dealt out to threads. Every element is one chain of sums, so this changes no bit.</summary>
    /// <param name="RowItems">Blocks of rows.</param>
    /// <param name="Rows">Rows of a block.</param>
    /// <param name="ColumnItems">Groups of columns.</param>
    /// <param name="Columns">Columns of a group, whole panels.</param>
    internal readonly record struct WorkSplit(int RowItems, int Rows, int ColumnItems, int Columns)
    {
        /// <summary>
        /// Four items for each thread if there is work for them; the rows of A and C of an item fit a second-level cache. Columns
        /// are only divided where the rows are too few.
        /// </summary>
        public static WorkSplit Of(CpuDevice cpu, int rows, int rowFloats, int depth, int columns, int halves)
        {
            const int tallest = 252, lowest = 24, cached = 65536; // rows; rows; floats
            long flops = 2L * rows * depth * columns;
            int wanted = (int)Math.Clamp(flops / ItemFlops, 1, Math.Max(1, 4 * cpu.Threads / halves));
            int height = Math.Clamp((rows + wanted - 1) / wanted, lowest, Math.Clamp(cached / (rowFloats + columns), 48, tallest));
            int rowItems = (rows + height - 1) / height;
            int panels = HostGemm.Widest.Panels(columns), groups = Math.Clamp(wanted / rowItems, 1, panels);
            int perGroup = (panels + groups - 1) / groups;
            return new WorkSplit(rowItems, height, (panels + perGroup - 1) / perGroup, perGroup * HostGemm.Widest.PanelColumns);
        }
    }
}

using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The host's micro-kernel and packing in every vector width, also the widths that this processor would not choose.</summary>
public unsafe class BlockedGemmTests
{
    public static TheoryData<string, int, int, int, int> Products
    {
        get
        {
            var data = new TheoryData<string, int, int, int, int>();
            foreach (string width in new[] { "128", "256", "512" })
            {
                foreach (int rows in Enumerable.Range(1, 14))
                    data.Add(width, rows, 1, 5, 3);
                data.Add(width, 7, 3, 9, 16);
                data.Add(width, 25, 1, 700, 37); // several depth blocks
                data.Add(width, 13, 3, 300, 64); // a block for each run
                data.Add(width, 6, 3, 501, 8); // several blocks in each run
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void A_block_is_the_sum_of_products(string width, int rows, int runs, int length, int columns)
    {
        BlockedGemm gemm = Of(width);
        const int gap = 11; // between runs
        int depth = runs * length, rowLength = runs * (length + gap);
        float[] a = Random(1, rows * rowLength), b = Random(2, depth * columns), before = Random(3, rows * columns);
        float[] start = Random(4, gemm.Panels(columns) * gemm.PanelColumns);
        foreach (bool add in new[] { false, true })
        {
            float[] c = [.. before];
            float[] panels = new float[gemm.Panels(columns) * gemm.PanelColumns * depth];
            int[] offsets = [.. Enumerable.Range(0, rows + BlockedGemm.Spare).Select(i => i * rowLength)];
            fixed (float* pa = a, pb = b, pc = c, pp = panels, ps = start)
            fixed (int* po = offsets)
            {
                BlockedGemm.FillUp(po, rows);
                for (int column = 0; column < columns; column += gemm.PanelColumns)
                    gemm.PackRows(pb + column, columns, depth, Math.Min(gemm.PanelColumns, columns - column), pp + column * depth);
                gemm.Multiply(new BlockProduct
                {
                    A = pa,
                    Offsets = po,
                    Rows = rows,
                    Walk = new RowWalk(runs, length + gap, length, 1),
                    B = pp,
                    Columns = columns,
                    C = pc,
                    Stride = columns,
                    Start = add ? null : ps,
                });
            }

            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < columns; j++)
                {
                    double sum = add ? before[i * columns + j] : start[j], size = Math.Abs(sum);
                    for (int d = 0; d < depth; d++)
                    {
                        double term = (double)a[i * rowLength + d / length * (length + gap) + d % length] * b[d * columns + j];
                        sum += term;
                        size += Math.Abs(term);
                    }

                    double error = Math.Abs(sum - c[i * columns + j]);
                    Assert.True(error <= 1e-6 * size, $"element ({i}, {j}), add {add}: {c[i * columns + j]} instead of {sum}");
                }
            }
        }
    }

    [Theory]
    [InlineData("128")]
    [InlineData("256")]
    [InlineData("512")]
    public void Packing_columns_is_packing_rows_of_the_transpose(string width)
    {
        BlockedGemm gemm = Of(width);
        foreach (int depth in new[] { 1, 4, 5, 27 })
        {
            foreach (int columns in new[] { 1, 3, gemm.PanelColumns })
            {
                float[] b = Random(5, depth * columns), transposed = new float[depth * columns];
                for (int d = 0; d < depth; d++)
                    for (int j = 0; j < columns; j++)
                        transposed[j * depth + d] = b[d * columns + j];
                float[] rows = Filled(depth * gemm.PanelColumns), cols = Filled(depth * gemm.PanelColumns);
                fixed (float* pb = b, pt = transposed, pr = rows, pc = cols)
                {
                    gemm.PackRows(pb, columns, depth, columns, pr);
                    gemm.PackColumns(pt, depth, depth, columns, pc);
                }

                Assert.Equal(rows, cols);
                for (int d = 0; d < depth; d++)
                    for (int j = 0; j < gemm.PanelColumns; j++)
                        Assert.Equal(j < columns ? b[d * columns + j] : 0f, rows[d * gemm.PanelColumns + j]);
            }
        }
    }

    [Theory]
    [InlineData("128", 5, 4, 3, 3)]
    [InlineData("256", 5, 4, 3, 3)]
    [InlineData("256", 1, 1, 7, 3)]
    [InlineData("256", 2, 6, 20, 3)]
    [InlineData("256", 3, 2, 16, 3)]
    [InlineData("512", 3, 5, 40, 3)]
    [InlineData("256", 1, 30, 33, 1)]
    public void Patches_are_the_zero_padded_neighbourhoods(string width, int h, int w, int c, int r)
    {
        BlockedGemm gemm = Of(width);
        const int images = 3;
        float[] x = Random(6, images * h * w * c);
        int from = 1, to = images * h * w, total = r * r * c; // begins within a line
        float[] panel = new float[(to - from) * gemm.PanelColumns];
        for (int column = 0; column < total; column += gemm.PanelColumns)
        {
            int taken = Math.Min(gemm.PanelColumns, total - column);
            Array.Fill(panel, float.NaN);
            fixed (float* px = x, pp = panel)
                gemm.PackPatches(new ImagePatches(px, h, w, c, r), from, to, column, taken, pp);
            for (int pixel = from; pixel < to; pixel++)
            {
                for (int j = 0; j < gemm.PanelColumns; j++)
                {
                    int tap = (column + j) / c, line = pixel / w % h + tap / r - r / 2, place = pixel % w + tap % r - r / 2;
                    bool inside = j < taken && line >= 0 && line < h && place >= 0 && place < w;
                    float expected = inside ? x[((pixel / (h * w) * h + line) * w + place) * c + (column + j) % c] : 0f;
                    Assert.Equal(expected, panel[(pixel - from) * gemm.PanelColumns + j]);
                }
            }
        }
    }

    private static BlockedGemm Of(string width) => width switch
    {
        "128" => new BlockedGemm<HostVector128>(),
        "256" => new BlockedGemm<HostVector256>(),
        _ => new BlockedGemm<HostVector512>(),
    };

    private static float[] Filled(int count)
    {
        float[] values = new float[count];
        Array.Fill(values, float.NaN);
        return values;
    }

    private static float[] Random(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}

using System.Numerics;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Small matrix products on one thread of the host: C (+)= A B with B packed in panels of <see cref="Width"/> columns, zeros
/// behind the last. Six rows by one panel stay in registers: twelve sums hide the latency of two multiply-adds a cycle.
/// </summary>
internal static unsafe class PanelProduct
{
    private const int Rows = 6;

    /// <summary>Columns of a panel: two vectors.</summary>
    public static int Width => 2 * Vector<float>.Count;

    /// <summary>Columns rounded up to whole panels.</summary>
    public static int Padded(int columns) => (columns + Width - 1) / Width * Width;

    /// <summary>Packs B (depth x columns) from rows: B[k, c] = source[k * stride + c].</summary>
    public static void Pack(float* source, int stride, int depth, int columns, float* panels)
    {
        for (int first = 0; first < columns; first += Width)
        {
            int count = Math.Min(Width, columns - first);
            for (int k = 0; k < depth; k++, panels += Width)
            {
                float* row = source + (long)k * stride + first;
                if (count == Width)
                {
                    Vector.Load(row).Store(panels);
                    Vector.Load(row + Vector<float>.Count).Store(panels + Vector<float>.Count);
                    continue;
                }

                for (int c = 0; c < Width; c++)
                    panels[c] = c < count ? row[c] : 0f;
            }
        }
    }

    /// <summary>Packs B (depth x columns) from columns: B[k, c] = source[c * stride + k].</summary>
    public static void PackTransposed(float* source, int stride, int depth, int columns, float* panels)
    {
        for (int first = 0; first < columns; first += Width, panels += (long)depth * Width)
        {
            for (int c = 0; c < Width; c++)
            {
                float* column = source + (long)(first + c) * stride;
                for (int k = 0; k < depth; k++)
                    panels[k * Width + c] = first + c < columns ? column[k] : 0f;
            }
        }
    }

    /// <summary>C[i, j] (+)= sum over k of A[i, k] B[k, j], where A[i, k] = a[i * aRow + k * aDepth].</summary>
    /// <param name="a">First element of A.</param>
    /// <param name="aRow">Elements from a row of A to the next.</param>
    /// <param name="aDepth">Elements from A[i, k] to A[i, k + 1]: 1, or a row's length to read a matrix transposed.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="depth">Columns of A.</param>
    /// <param name="panels">B, packed.</param>
    /// <param name="columns">Columns of C to write; a padded count writes whole panels.</param>
    /// <param name="c">First element of C.</param>
    /// <param name="cRow">Elements from a row of C to the next.</param>
    /// <param name="accumulate">Add to C; otherwise overwrite.</param>
    public static void Multiply(
        float* a, int aRow, int aDepth, int rows, int depth, float* panels, int columns, float* c, int cRow, bool accumulate)
    {
        float* edge = stackalloc float[Rows * Width];
        for (int first = 0; first < columns; first += Width, panels += (long)depth * Width)
        {
            int count = Math.Min(Width, columns - first);
            for (int row = 0; row < rows; row += Rows)
            {
                int height = Math.Min(Rows, rows - row);
                float* target = c + (long)row * cRow + first;
                if (count == Width)
                {
                    Block(a + (long)row * aRow, aRow, aDepth, height, depth, panels, target, cRow, accumulate);
                    continue;
                }

                Block(a + (long)row * aRow, aRow, aDepth, height, depth, panels, edge, Width, false);
                for (int i = 0; i < height; i++)
                    for (int j = 0; j < count; j++)
                        target[(long)i * cRow + j] = accumulate ? target[(long)i * cRow + j] + edge[i * Width + j] : edge[i * Width + j];
            }
        }
    }

    /// <summary>Six rows by a panel. Rows past the last repeat it: they read and write the same values, so no second loop is needed.</summary>
    private static void Block(
        float* a, int aRow, int aDepth, int height, int depth, float* panel, float* c, int cRow, bool accumulate)
    {
        int r1 = Math.Min(1, height - 1), r2 = Math.Min(2, height - 1), r3 = Math.Min(3, height - 1);
        int r4 = Math.Min(4, height - 1), r5 = Math.Min(5, height - 1);
        float* a0 = a, a1 = a + (long)r1 * aRow, a2 = a + (long)r2 * aRow;
        float* a3 = a + (long)r3 * aRow, a4 = a + (long)r4 * aRow, a5 = a + (long)r5 * aRow;
        Vector<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        nint offset = 0;
        for (int k = 0; k < depth; k++)
        {
            Vector<float> b0 = Vector.Load(panel), b1 = Vector.Load(panel + Vector<float>.Count);
            panel += 2 * Vector<float>.Count;
            var x = new Vector<float>(a0[offset]);
            c00 = Vector.MultiplyAddEstimate(x, b0, c00);
            c01 = Vector.MultiplyAddEstimate(x, b1, c01);
            x = new Vector<float>(a1[offset]);
            c10 = Vector.MultiplyAddEstimate(x, b0, c10);
            c11 = Vector.MultiplyAddEstimate(x, b1, c11);
            x = new Vector<float>(a2[offset]);
            c20 = Vector.MultiplyAddEstimate(x, b0, c20);
            c21 = Vector.MultiplyAddEstimate(x, b1, c21);
            x = new Vector<float>(a3[offset]);
            c30 = Vector.MultiplyAddEstimate(x, b0, c30);
            c31 = Vector.MultiplyAddEstimate(x, b1, c31);
            x = new Vector<float>(a4[offset]);
            c40 = Vector.MultiplyAddEstimate(x, b0, c40);
            c41 = Vector.MultiplyAddEstimate(x, b1, c41);
            x = new Vector<float>(a5[offset]);
            c50 = Vector.MultiplyAddEstimate(x, b0, c50);
            c51 = Vector.MultiplyAddEstimate(x, b1, c51);
            offset += aDepth;
        }

        float* p1 = c + (long)r1 * cRow, p2 = c + (long)r2 * cRow, p3 = c + (long)r3 * cRow;
        float* p4 = c + (long)r4 * cRow, p5 = c + (long)r5 * cRow;
        if (accumulate)
        {
            // All rows are read before any is written, since the repeated ones are the same row.
            c00 += Vector.Load(c);
            c01 += Vector.Load(c + Vector<float>.Count);
            c10 += Vector.Load(p1);
            c11 += Vector.Load(p1 + Vector<float>.Count);
            c20 += Vector.Load(p2);
            c21 += Vector.Load(p2 + Vector<float>.Count);
            c30 += Vector.Load(p3);
            c31 += Vector.Load(p3 + Vector<float>.Count);
            c40 += Vector.Load(p4);
            c41 += Vector.Load(p4 + Vector<float>.Count);
            c50 += Vector.Load(p5);
            c51 += Vector.Load(p5 + Vector<float>.Count);
        }

        c00.Store(c);
        c01.Store(c + Vector<float>.Count);
        c10.Store(p1);
        c11.Store(p1 + Vector<float>.Count);
        c20.Store(p2);
        c21.Store(p2 + Vector<float>.Count);
        c30.Store(p3);
        c31.Store(p3 + Vector<float>.Count);
        c40.Store(p4);
        c41.Store(p4 + Vector<float>.Count);
        c50.Store(p5);
        c51.Store(p5 + Vector<float>.Count);
    }
}

using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Lays a matrix B out in panels: panel q holds its columns from q x Columns on, row after row, the last one filled up with
/// zeros. A tile then reads B as one stream, whatever B was before.
/// </summary>
internal static unsafe class HostPanels<TVector>
    where TVector : unmanaged, IHostVector<TVector>
{
    private static int Columns => HostTile<TVector>.Columns;

    /// <summary>Packs <paramref name="width"/> columns of a matrix whose rows are contiguous.</summary>
    /// <param name="b">First element.</param>
    /// <param name="stride">Floats between rows.</param>
    /// <param name="depth">Number of rows.</param>
    /// <param name="width">Columns to take, 1 to Columns.</param>
    /// <param name="panel">Receives depth x Columns floats.</param>
    public static void PackRows(float* b, nint stride, int depth, int width, float* panel)
    {
        for (int d = 0; d < depth; d++, b += stride, panel += Columns)
            CopyPadded(b, width, panel);
    }

    /// <summary>Packs <paramref name="width"/> columns of a matrix whose columns are contiguous, such as (K, C) weights read as (C, K).</summary>
    /// <inheritdoc cref="PackRows"/>
    public static void PackColumns(float* b, nint stride, int depth, int width, float* panel)
    {
        int d = 0;
        for (; d + 4 <= depth; d += 4)
        {
            float* row = panel + d * Columns;
            for (int j = 0; j < width; j++)
            {
                float* column = b + j * stride + d;
                row[j] = column[0];
                row[j + Columns] = column[1];
                row[j + 2 * Columns] = column[2];
                row[j + 3 * Columns] = column[3];
            }
        }

        for (; d < depth; d++)
            for (int j = 0; j < width; j++)
                panel[d * Columns + j] = b[j * stride + d];
        if (width < Columns)
            for (d = 0; d < depth; d++)
                new Span<float>(panel + d * Columns + width, Columns - width).Clear();
    }

    /// <summary>Packs columns [column, column + width) of the patch matrix for the pixels [from, to).</summary>
    public static void PackPatches(in ImagePatches patches, long from, long to, int column, int width, float* panel)
    {
        while (from < to)
        {
            long line = from / patches.W;
            int w = (int)(from % patches.W), end = (int)Math.Min(patches.W, w + to - from);
            int h = (int)(line % patches.H);
            int run = patches.R * patches.C; // columns that one image line supplies
            for (int j = 0; j < width;)
            {
                int r = (column + j) / run, first = (column + j) % run, count = Math.Min(run - first, width - j);
                int above = r - patches.R / 2;
                bool inside = (uint)(h + above) < (uint)patches.H;
                PackLine(patches, inside ? patches.X + (line + above) * patches.W * patches.C : null, w, end, first, count, panel + j);
                j += count;
            }

            if (width < Columns)
                for (int i = 0; i < end - w; i++)
                    new Span<float>(panel + i * Columns + width, Columns - width).Clear();
            panel += (end - w) * Columns;
            from += end - w;
        }
    }

    /// <summary>
    /// For the pixels [w, end) of an image line, columns [first, first + count) of the run (s, c) that begins R / 2 pixels to the left;
    /// beyond the image's borders stand zeros.
    /// </summary>
    private static void PackLine(in ImagePatches patches, float* line, int w, int end, int first, int count, float* panel)
    {
        int radius = patches.R / 2, c = patches.C;
        for (; w < end; w++, panel += Columns)
        {
            int low = line == null ? count : Math.Clamp((radius - w) * c - first, 0, count);
            int high = line == null ? count : Math.Clamp((patches.W + radius - w) * c - first, low, count);
            float* source = line + (nint)(w - radius) * c + first;
            if (low == 0 && high == Columns)
            {
                TVector.Store(TVector.Load(source), panel);
                TVector.Store(TVector.Load(source + TVector.Width), panel + TVector.Width);
                continue;
            }

            for (int j = 0; j < low; j++)
                panel[j] = 0;
            for (int j = low; j < high; j++)
                panel[j] = source[j];
            for (int j = high; j < count; j++)
                panel[j] = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyPadded(float* source, int width, float* target)
    {
        if (width == Columns)
        {
            TVector.Store(TVector.Load(source), target);
            TVector.Store(TVector.Load(source + TVector.Width), target + TVector.Width);
            return;
        }

        for (int j = 0; j < width; j++)
            target[j] = source[j];
        new Span<float>(target + width, Columns - width).Clear();
    }
}

/// <summary>
/// An (N, H, W, C) image seen as the matrix of its R x R patches, zero beyond the borders: a row for each pixel, columns (r, s, c).
/// A plain matrix of P rows is the image with H = 1, W = P, R = 1.
/// </summary>
internal readonly unsafe struct ImagePatches(float* x, int h, int w, int c, int r)
{
    public readonly float* X = x;
    public readonly int H = h, W = w, C = c, R = r;

    public int Columns => R * R * C;
}

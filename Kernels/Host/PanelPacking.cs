using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Packs a matrix B into panels: panel q holds its columns from q x Columns on, row by row, and the last panel is padded with
/// zeros. A tile then reads B as one stream, whatever the layout of the source.
/// </summary>
internal static unsafe class PanelPacking<TVector>
    where TVector : unmanaged, IHostVector<TVector>
{
    private static int Columns => GemmMicroKernel<TVector>.Columns;

    /// <summary>Packs <paramref name="width"/> columns of a row-major matrix.</summary>
    /// <param name="b">First element.</param>
    /// <param name="stride">Distance in floats between rows, or between columns of a column-major matrix.</param>
    /// <param name="depth">Number of rows.</param>
    /// <param name="width">Columns to take, 1 to Columns.</param>
    /// <param name="panel">Receives depth x Columns floats.</param>
    public static void PackRows(float* b, nint stride, int depth, int width, float* panel)
    {
        if (width < Columns)
            new Span<float>(panel, depth * Columns).Clear();
        CopyRows(b, stride, width, panel, depth);
    }

    /// <summary>Packs <paramref name="width"/> columns of a column-major matrix, such as (K, C) weights read as (C, K).</summary>
    /// <inheritdoc cref="PackRows"/>
    public static void PackColumns(float* b, nint stride, int depth, int width, float* panel)
    {
        if (width < Columns)
            new Span<float>(panel, depth * Columns).Clear();
        int d = 0;
        for (; d + 4 <= depth; d += 4)
        {
            float* row = panel + d * Columns, column = b + d;
            for (int j = 0; j < width; j++, row++, column += stride)
            {
                row[0] = column[0];
                row[Columns] = column[1];
                row[2 * Columns] = column[2];
                row[3 * Columns] = column[3];
            }
        }

        for (; d < depth; d++)
            for (int j = 0; j < width; j++)
                panel[d * Columns + j] = b[j * stride + d];
    }

    /// <summary>Packs columns [column, column + width) of the patch matrix for the pixels [from, to).</summary>
    public static void PackPatches(in ImagePatches patches, long from, long to, int column, int width, float* panel)
    {
        if (width < Columns)
            new Span<float>(panel, (int)(to - from) * Columns).Clear();
        int run = patches.R * patches.C; // columns that one image line supplies
        for (int j = 0; j < width;)
        {
            int r = (column + j) / run, offset = (column + j) % run, count = Math.Min(run - offset, width - j);
            PackRun(patches, from, to, r - patches.R / 2, offset, count, panel + j);
            j += count;
        }
    }

    /// <summary>Packs floats [offset, offset + count) of each pixel's run (s, c), which lies <paramref name="shift"/> lines below the pixel.</summary>
    private static void PackRun(in ImagePatches patches, long from, long to, int shift, int offset, int count, float* panel)
    {
        int radius = patches.R / 2, c = patches.C;
        int left = Math.Max(0, radius - offset / c); // for pixels [left, right) of a line all these floats lie within the image
        int right = Math.Min(patches.W, patches.W + radius - (offset + count - 1) / c);
        long line = from / patches.W;
        int w = (int)(from - line * patches.W), h = (int)(line % patches.H);
        float* source = patches.X + (line + shift) * patches.W * c + offset - radius * c; // the floats for w = 0
        for (long pixels = to - from; pixels > 0; w = 0)
        {
            int end = (int)Math.Min(patches.W, w + pixels);
            pixels -= end - w;
            if ((uint)(h + shift) < (uint)patches.H)
            {
                for (; w < Math.Min(left, end); w++, panel += Columns)
                    PackEdge(patches, source, w, offset, count, panel);
                int whole = Math.Min(right, end) - w;
                if (whole > 0)
                {
                    CopyRows(source + (nint)w * c, c, count, panel, whole);
                    w += whole;
                    panel += whole * Columns;
                }

                for (; w < end; w++, panel += Columns)
                    PackEdge(patches, source, w, offset, count, panel);
            }
            else
            {
                ClearRows(panel, count, end - w);
                panel += (end - w) * Columns;
            }

            source += (nint)patches.W * c;
            h = h + 1 == patches.H ? 0 : h + 1;
        }
    }

    /// <summary>Packs a pixel near the border, some or all of whose floats lie outside the image and are zero.</summary>
    private static void PackEdge(in ImagePatches patches, float* source, int w, int offset, int count, float* panel)
    {
        int radius = patches.R / 2, c = patches.C;
        int low = Math.Clamp((radius - w) * c - offset, 0, count), high = Math.Clamp((patches.W + radius - w) * c - offset, low, count);
        ClearRows(panel, count, 1);
        for (int j = low; j < high; j++)
            panel[j] = source[(nint)w * c + j];
    }

    /// <summary>Copies rows of <paramref name="count"/> floats into a panel; a second vector, which overlaps the first, covers the tail.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyRows(float* source, nint stride, int count, float* panel, int rows)
    {
        int width = TVector.Width, tail = count - width;
        if (tail >= 0)
        {
            for (; rows > 0; rows--, source += stride, panel += Columns)
            {
                TVector.Store(TVector.Load(source), panel);
                TVector.Store(TVector.Load(source + tail), panel + tail);
            }

            return;
        }

        for (; rows > 0; rows--, source += stride, panel += Columns)
            for (int j = 0; j < count; j++)
                panel[j] = source[j];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ClearRows(float* panel, int count, int rows)
    {
        int tail = count - TVector.Width;
        if (tail >= 0)
        {
            for (; rows > 0; rows--, panel += Columns)
            {
                TVector.Store(default, panel);
                TVector.Store(default, panel + tail);
            }

            return;
        }

        for (; rows > 0; rows--, panel += Columns)
            for (int j = 0; j < count; j++)
                panel[j] = 0;
    }
}

/// <summary>
/// Images (N, H, W, C) as the im2col matrix of their R x R patches, zero outside the images: one row per pixel, columns (r, s, c).
/// A plain matrix of P rows is an image with H = 1, W = P, R = 1.
/// </summary>
internal readonly unsafe struct ImagePatches(float* x, int h, int w, int c, int r)
{
    public readonly float* X = x;
    public readonly int H = h, W = w, C = c, R = r;

    public int Columns => R * R * C;
}

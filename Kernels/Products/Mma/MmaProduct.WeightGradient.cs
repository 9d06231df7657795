using ILGPU;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>
/// dWeight: rows are output channels, columns input channels at one tap; the terms are pixels, contiguous in neither operand.
/// </summary>
internal static partial class MmaProduct
{
    /// <summary>
    /// Blocks with neighbouring numbers read the same pixels, so that these stay in the cache: parts are numbered slowest. Where there is one part,
    /// its sums are the gradient.
    /// </summary>
    internal static void WeightGradientKernel(
        long x, long dy, long partials, int pixels, int height, int width, int channels, int filters, int size,
        int span, int lines, int columns, float alpha, int tileRows, int tileColumns, int warpRows, int warpColumns)
    {
        CudaAsm.Emit("@@declare;");
        int thread = Group.IdxX, lane = thread & 31, line = thread >> 3, piece = thread & 7;
        int rowTiles = (filters + tileRows - 1) / tileRows, tiles = rowTiles * ((channels + tileColumns - 1) / tileColumns);
        int index = Grid.IdxX / tiles, taps = size * size, tap = index % taps, part = index / taps;
        var place = new MmaPlace(
            thread, Grid.IdxX - index * tiles, filters, channels, tileRows, tileColumns, warpRows, warpColumns, rowTiles);
        CudaAsm.Emit(
            "@@places %0, %1, %2, %3;", MmaLayout.Line(line, piece, 2 * tileRows), MmaLayout.Line(line, piece, 2 * tileColumns),
            MmaLayout.RowLineFragment(place.WarpRow, lane, 2 * tileRows),
            MmaLayout.ColumnLineFragment(place.WarpColumn, lane, 2 * tileColumns));
        int row = place.Row + 8 * piece, column = place.Column + 8 * piece;
        CudaAsm.Emit("@@rowlimits %0;", filters - row);
        CudaAsm.Emit("@@columnlimits %0;", channels - column);

        int start = part * span, end = start + span < pixels ? start + span : pixels;
        var walk = new MmaPixelWalk(start + line, end, tap, height, width, size);
        for (int stage = 1; stage < MmaTile.Stages; stage++)
        {
            CopyWeightGradient(x, dy, walk, row, column, channels, filters, height, width);
            walk.Advance(lines, columns, height, width);
        }

        CudaAsm.Emit("@@prepare;");
        int steps = (end - start + MmaTile.Depth - 1) / MmaTile.Depth;
        for (int step = 0; step < steps; step++)
        {
            CudaAsm.Emit("@@ahead;");
            CopyWeightGradient(x, dy, walk, row, column, channels, filters, height, width);
            CudaAsm.Emit("@@multiply;");
            walk.Advance(lines, columns, height, width);
        }

        CudaAsm.Emit("@@scale %0, %1;", alpha, 1f);
        CudaAsm.Emit("@@turn;");
        int first = (part * filters * taps + tap) * channels;
        long sums = partials + 4L * first;
        CudaAsm.Emit(
            "@@store %0, %1, %2, %3, %4, %5, %6, %7, %8;", sums, 0L, sums, place.Row + place.WarpRow + (lane >> 2),
            place.Column + place.WarpColumn + 8 * (lane & 3), filters, channels, taps * channels, 0);
    }

    private static void CopyWeightGradient(
        long x, long dy, MmaPixelWalk walk, int row, int column, int channels, int filters, int height, int width)
    {
        CudaAsm.Emit("@@copyrowlines %0, %1, %2;", dy, walk.Pixel * filters + row, walk.Limit());
        CudaAsm.Emit("@@copycolumnlines %0, %1, %2;", x, (walk.Pixel + walk.Shift) * channels + column, walk.NeighbourLimit(height, width));
        CudaAsm.Emit("@@commit;");
    }
}

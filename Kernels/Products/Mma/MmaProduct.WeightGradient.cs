using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>dWeight: rows are output channels, columns are input channels at one tap; the terms are pixels, contiguous in neither operand.</summary>
internal sealed partial class MmaProduct
{
    /// <summary>
    /// Sums over a part of the pixels. Parts are numbered slowest, so that blocks with neighbouring numbers read the same pixels, which stay in the
    /// cache. If there is one part, its sums are the gradient.
    /// </summary>
    [PtxEntry]
    internal static void WeightGradientKernel(MmaWeightGradientArguments arguments)
    {
        CudaAsm.Emit("@@declare;");
        MmaProblem e = arguments.Problem;
        int thread = Group.IdxX, lane = thread & 31, line = thread >> 3, piece = thread & 7, tileRows = arguments.Tile.Rows, tileColumns = arguments.Tile.Columns;
        int mTiles = arguments.Tile.MTiles(e.Filters), tiles = mTiles * arguments.Tile.NTiles(e.Channels);
        int index = Grid.IdxX / tiles, taps = e.Size * e.Size, tap = index % taps, part = index / taps;
        TileIndex tile; // numbered along m first
        tile.N = (Grid.IdxX - index * tiles) / mTiles;
        tile.M = Grid.IdxX - index * tiles - tile.N * mTiles;
        var place = new MmaPlace(thread, tile, arguments.Tile);
        CudaAsm.Emit(
            "@@places %0, %1, %2, %3;", MmaLayout.Line(line, piece, 2 * tileRows), MmaLayout.Line(line, piece, 2 * tileColumns),
            MmaLayout.RowLineFragment(place.WarpRow, lane, 2 * tileRows),
            MmaLayout.ColumnLineFragment(place.WarpColumn, lane, 2 * tileColumns));
        int row = place.Row + 8 * piece, column = place.Column + 8 * piece;
        CudaAsm.Emit("@@rowlimits %0;", e.Filters - row);
        CudaAsm.Emit("@@columnlimits %0;", e.Channels - column);

        int start = part * arguments.Span, end = start + arguments.Span < e.Pixels ? start + arguments.Span : e.Pixels;
        var walk = new MmaPixelWalk(start + line, end, tap, e);
        for (int stage = 1; stage < MmaTile.Stages; stage++)
        {
            CopyWeightGradient(arguments, walk, row, column);
            walk.Advance(arguments.StepLines, arguments.StepColumns, e.Height, e.Width);
        }

        CudaAsm.Emit("@@prepare;");
        int steps = (end - start + MmaTile.Depth - 1) / MmaTile.Depth;
        for (int step = 0; step < steps; step++)
        {
            CudaAsm.Emit("@@ahead;");
            CopyWeightGradient(arguments, walk, row, column);
            CudaAsm.Emit("@@multiply;");
            walk.Advance(arguments.StepLines, arguments.StepColumns, e.Height, e.Width);
        }

        CudaAsm.Emit("@@scale %0, %1;", arguments.Alpha, 1f);
        CudaAsm.Emit("@@turn;");
        int first = (part * e.Filters * taps + tap) * e.Channels;
        long sums = arguments.Partials + 4L * first;
        CudaAsm.Emit(
            "@@store %0, %1, %2, %3, %4, %5, %6, %7, %8;", sums, 0L, sums, place.Row + place.WarpRow + (lane >> 2),
            place.Column + place.WarpColumn + 8 * (lane & 3), e.Filters, e.Channels, taps * e.Channels, 0);
    }

    private static void CopyWeightGradient(MmaWeightGradientArguments arguments, MmaPixelWalk walk, int row, int column)
    {
        MmaProblem e = arguments.Problem;
        CudaAsm.Emit("@@copyrowlines %0, %1, %2;", arguments.Dy, walk.Pixel * e.Filters + row, walk.Limit());
        CudaAsm.Emit("@@copycolumnlines %0, %1, %2;", arguments.X, (walk.Pixel + walk.Shift) * e.Channels + column, walk.NeighbourLimit(e.Height, e.Width));
        CudaAsm.Emit("@@commit;");
    }
}

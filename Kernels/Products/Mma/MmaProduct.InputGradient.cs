using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// dx: rows are pixels, columns are input channels; the terms are flipped taps times output channels. In the filters the columns are contiguous, not the terms.
/// </summary>
internal sealed partial class MmaProduct
{
    [PtxEntry]
    internal static void InputGradientKernel(MmaInputGradientArguments arguments)
    {
        CudaAsm.Emit("@@declare;");
        MmaProblem e = arguments.Problem;
        int thread = Group.IdxX, lane = thread & 31, line = thread >> 3, piece = thread & 7, tileColumns = arguments.Tile.Columns;
        int mTiles = arguments.Tile.MTiles(e.Pixels), nTiles = arguments.Tile.NTiles(e.Channels);
        var place = new MmaPlace(thread, TileRaster.Of(Grid.IdxX, mTiles, nTiles, arguments.Grouped), arguments.Tile);
        CudaAsm.Emit(
            "@@places %0, %1, %2, %3;", MmaLayout.Row(thread >> 2, thread & 3), MmaLayout.Line(line, piece, 2 * tileColumns),
            MmaLayout.RowFragment(place.WarpRow, lane), MmaLayout.ColumnLineFragment(place.WarpColumn, lane, 2 * tileColumns));
        CopiedPieces pieces;
        pieces.Row = 8 * (thread & 3);
        pieces.Line = line;
        pieces.Column = place.Column + 8 * piece;
        PlacePixels(place.Row + (thread >> 2), pieces.Row, e.Filters, e);
        CudaAsm.Emit("@@columnlimits %0;", e.Channels - pieces.Column);

        int steps = e.Size * e.Size * ((e.Filters + MmaTile.Depth - 1) / MmaTile.Depth);
        MmaWalk walk = MmaWalk.Start(e.Size, e.Width);
        for (int stage = 1; stage < MmaTile.Stages; stage++)
        {
            CopyInputGradient(arguments, walk, pieces);
            walk.Advance(e.Filters, e.Size, e.Width);
        }

        CudaAsm.Emit("@@prepare;");
        for (int step = 0; step < steps; step++)
        {
            CudaAsm.Emit("@@ahead;");
            CopyInputGradient(arguments, walk, pieces);
            CudaAsm.Emit("@@multiply;");
            walk.Advance(e.Filters, e.Size, e.Width);
        }

        CudaAsm.Emit("@@scale %0, %1;", arguments.Alpha, 1f);
        CudaAsm.Emit("@@turn;");
        CudaAsm.Emit(
            "@@store %0, %1, %2, %3, %4, %5, %6, %7, %8;", arguments.Dx, 0L, arguments.Dx, place.Row + place.WarpRow + (lane >> 2),
            place.Column + place.WarpColumn + 8 * (lane & 3), e.Pixels, e.Channels, e.Channels, 0);
    }

    /// <summary>Starts the copies of a stage; a pixel's neighbour at a tap is multiplied by the filters at the opposite tap.</summary>
    private static void CopyInputGradient(MmaInputGradientArguments arguments, MmaWalk walk, CopiedPieces pieces)
    {
        MmaProblem e = arguments.Problem;
        int opposite = e.Size * e.Size - 1 - walk.Tap, filter = walk.First + pieces.Line;
        CudaAsm.Emit(
            "@@copyrows %0, %1, %2, %3;", arguments.Dy, walk.Shift * e.Filters + walk.First, walk.Limit(pieces.Row, e.Filters, e.Size), walk.Tap);
        CudaAsm.Emit(
            "@@copycolumnlines %0, %1, %2;", arguments.Weight, (filter * e.Size * e.Size + opposite) * e.Channels + pieces.Column, walk.Limit(pieces.Line, e.Filters, e.Size));
        CudaAsm.Emit("@@commit;");
    }

    /// <summary>The pieces of a stage that a thread copies: pixels, from an output channel on; one piece of a line of the filters, from an input channel on.</summary>
    private struct CopiedPieces
    {
        public int Row, Line, Column;
    }
}

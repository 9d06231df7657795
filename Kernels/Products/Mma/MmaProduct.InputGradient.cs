using ILGPU;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>
/// dx: rows are pixels, columns input channels; the terms are flipped taps times output channels. The filters' terms are not
/// contiguous, their columns are.
/// </summary>
internal static partial class MmaProduct
{
    internal static void InputGradientKernel(
        long dy, long weight, long dx, int pixels, int height, int width, int channels, int filters, int size, float alpha,
        int tileRows, int tileColumns, int warpRows, int warpColumns, int grouped)
    {
        CudaAsm.Emit("@@declare;");
        int thread = Group.IdxX, lane = thread & 31, line = thread >> 3, piece = thread & 7;
        var place = new MmaPlace(thread, Grid.IdxX, pixels, channels, tileRows, tileColumns, warpRows, warpColumns, grouped);
        CudaAsm.Emit(
            "@@places %0, %1, %2, %3;", MmaLayout.Row(thread >> 2, thread & 3), MmaLayout.Line(line, piece, 2 * tileColumns),
            MmaLayout.RowFragment(place.WarpRow, lane), MmaLayout.ColumnLineFragment(place.WarpColumn, lane, 2 * tileColumns));
        int rowPiece = 8 * (thread & 3), column = place.Column + 8 * piece;
        PlacePixels(place.Row + (thread >> 2), rowPiece, pixels, height, width, filters, size);
        CudaAsm.Emit("@@columnlimits %0;", channels - column);

        int steps = size * size * ((filters + MmaTile.Depth - 1) / MmaTile.Depth);
        MmaWalk walk = MmaWalk.Start(size, width);
        for (int stage = 1; stage < MmaTile.Stages; stage++)
        {
            CopyInputGradient(dy, weight, walk, rowPiece, line, column, channels, filters, size);
            walk.Advance(filters, size, width);
        }

        CudaAsm.Emit("@@prepare;");
        for (int step = 0; step < steps; step++)
        {
            CudaAsm.Emit("@@ahead;");
            CopyInputGradient(dy, weight, walk, rowPiece, line, column, channels, filters, size);
            CudaAsm.Emit("@@multiply;");
            walk.Advance(filters, size, width);
        }

        CudaAsm.Emit("@@scale %0, %1;", alpha, 1f);
        CudaAsm.Emit("@@turn;");
        CudaAsm.Emit(
            "@@store %0, %1, %2, %3, %4, %5, %6, %7, %8;", dx, 0L, dx, place.Row + place.WarpRow + (lane >> 2),
            place.Column + place.WarpColumn + 8 * (lane & 3), pixels, channels, channels, 0);
    }

    /// <summary>Starts the copies of a stage; a pixel's neighbour at a tap meets the filters at the opposite one.</summary>
    private static void CopyInputGradient(
        long dy, long weight, MmaWalk walk, int rowPiece, int line, int column, int channels, int filters, int size)
    {
        int opposite = size * size - 1 - walk.Tap, filter = walk.First + line;
        CudaAsm.Emit(
            "@@copyrows %0, %1, %2, %3;", dy, walk.Shift * filters + walk.First, walk.Limit(rowPiece, filters, size), walk.Tap);
        CudaAsm.Emit(
            "@@copycolumnlines %0, %1, %2;", weight, (filter * size * size + opposite) * channels + column, walk.Limit(line, filters, size));
        CudaAsm.Emit("@@commit;");
    }
}

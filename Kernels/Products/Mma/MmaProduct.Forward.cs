using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>y: rows are pixels, columns are output channels; the terms are taps times input channels, contiguous in both operands.</summary>
internal sealed partial class MmaProduct
{
    [PtxEntry]
    internal static void ForwardKernel(MmaForwardArguments arguments)
    {
        CudaAsm.Emit("@@declare;");
        MmaProblem e = arguments.Problem;
        int thread = Group.IdxX, lane = thread & 31, line = thread >> 2, piece = thread & 3;
        int mTiles = arguments.Tile.MTiles(e.Pixels), nTiles = arguments.Tile.NTiles(e.Filters);
        var place = new MmaPlace(thread, TileRaster.Of(Grid.IdxX, mTiles, nTiles, arguments.Grouped), arguments.Tile);
        CudaAsm.Emit(
            "@@places %0, %1, %2, %3;", MmaLayout.Row(line, piece), MmaLayout.Column(line, piece),
            MmaLayout.RowFragment(place.WarpRow, lane), MmaLayout.ColumnFragment(place.WarpColumn, lane));
        PlacePixels(place.Row + line, 8 * piece, e.Channels, e);

        int filter = place.Column + line, stride = e.Size * e.Size * e.Channels;
        CudaAsm.Emit("@@columnlimits %0;", e.Filters - filter); // filters beyond the last are not read
        CudaAsm.Emit("@@column0 %0;", filter * stride + 8 * piece);
        CudaAsm.Emit("@@column1 %0;", (filter + MmaProductPtx.RowsPerCopy) * stride + 8 * piece);
        CudaAsm.Emit("@@column2 %0;", (filter + 2 * MmaProductPtx.RowsPerCopy) * stride + 8 * piece);
        CudaAsm.Emit("@@column3 %0;", (filter + 3 * MmaProductPtx.RowsPerCopy) * stride + 8 * piece);

        int steps = e.Size * e.Size * ((e.Channels + MmaTile.Depth - 1) / MmaTile.Depth);
        MmaWalk walk = MmaWalk.Start(e.Size, e.Width);
        for (int stage = 1; stage < MmaTile.Stages; stage++)
        {
            CopyForward(arguments, walk, 8 * piece);
            walk.Advance(e.Channels, e.Size, e.Width);
        }

        CudaAsm.Emit("@@prepare;");
        for (int step = 0; step < steps; step++)
        {
            CudaAsm.Emit("@@ahead;");
            CopyForward(arguments, walk, 8 * piece);
            CudaAsm.Emit("@@multiply;");
            walk.Advance(e.Channels, e.Size, e.Width);
        }

        CudaAsm.Emit("@@scale %0, %1;", arguments.Alpha, arguments.Beta);
        CudaAsm.Emit("@@turn;");
        CudaAsm.Emit(
            "@@store %0, %1, %2, %3, %4, %5, %6, %7, %8;", arguments.Y, arguments.Bias, arguments.Residual, place.Row + place.WarpRow + (lane >> 2),
            place.Column + place.WarpColumn + 8 * (lane & 3), e.Pixels, e.Filters, e.Filters, arguments.BiasedRows);
    }

    /// <summary>Starts the copies of a stage; after the last tap zeros are copied, which no product reads.</summary>
    private static void CopyForward(MmaForwardArguments arguments, MmaWalk walk, int piece)
    {
        int channels = arguments.Problem.Channels, limit = walk.Limit(piece, channels, arguments.Problem.Size);
        CudaAsm.Emit("@@copyrows %0, %1, %2, %3;", arguments.X, walk.Shift * channels + walk.First, limit, walk.Tap);
        CudaAsm.Emit("@@copycolumns %0, %1, %2;", arguments.Weight, walk.Tap * channels + walk.First, limit);
        CudaAsm.Emit("@@commit;");
    }

    /// <summary>Sets the address of the thread's rows in an image tensor, and which of their taps lie in the image.</summary>
    /// <param name="pixel">The pixel of the thread's first row.</param>
    /// <param name="channel">First of the thread's channels.</param>
    /// <param name="channels">Channels of the tensor.</param>
    /// <param name="e">The extents.</param>
    private static void PlacePixels(int pixel, int channel, int channels, MmaProblem e)
    {
        int second = pixel + MmaProductPtx.RowsPerCopy, third = second + MmaProductPtx.RowsPerCopy, fourth = third + MmaProductPtx.RowsPerCopy;
        CudaAsm.Emit("@@row0 %0, %1;", pixel * channels + channel, MmaWalk.Inside(pixel, e));
        CudaAsm.Emit("@@row1 %0, %1;", second * channels + channel, MmaWalk.Inside(second, e));
        CudaAsm.Emit("@@row2 %0, %1;", third * channels + channel, MmaWalk.Inside(third, e));
        CudaAsm.Emit("@@row3 %0, %1;", fourth * channels + channel, MmaWalk.Inside(fourth, e));
    }
}

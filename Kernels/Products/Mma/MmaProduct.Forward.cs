using ILGPU;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>y: rows are pixels, columns output channels; the terms are taps times input channels, contiguous in both.</summary>
internal static partial class MmaProduct
{
    internal static void ForwardKernel(
        long x, long weight, long bias, long residual, long y, int pixels, int height, int width, int channels, int filters, int size,
        int biasedRows, float alpha, float beta, int tileRows, int tileColumns, int warpRows, int warpColumns, int grouped)
    {
        CudaAsm.Emit("@@declare;");
        int thread = Group.IdxX, lane = thread & 31, line = thread >> 2, piece = thread & 3;
        var place = new MmaPlace(thread, Grid.IdxX, pixels, filters, tileRows, tileColumns, warpRows, warpColumns, grouped);
        CudaAsm.Emit(
            "@@places %0, %1, %2, %3;", MmaLayout.Row(line, piece), MmaLayout.Column(line, piece),
            MmaLayout.RowFragment(place.WarpRow, lane), MmaLayout.ColumnFragment(place.WarpColumn, lane));
        PlacePixels(place.Row + line, 8 * piece, pixels, height, width, channels, size);

        int filter = place.Column + line, stride = size * size * channels;
        CudaAsm.Emit("@@columnlimits %0;", filters - filter); // beyond the last filter nothing is read
        CudaAsm.Emit("@@column0 %0;", filter * stride + 8 * piece);
        CudaAsm.Emit("@@column1 %0;", (filter + MmaText.RowsPerCopy) * stride + 8 * piece);
        CudaAsm.Emit("@@column2 %0;", (filter + 2 * MmaText.RowsPerCopy) * stride + 8 * piece);
        CudaAsm.Emit("@@column3 %0;", (filter + 3 * MmaText.RowsPerCopy) * stride + 8 * piece);

        int steps = size * size * ((channels + MmaTile.Depth - 1) / MmaTile.Depth);
        MmaWalk walk = MmaWalk.Start(size, width);
        for (int stage = 1; stage < MmaTile.Stages; stage++)
        {
            CopyForward(x, weight, walk, 8 * piece, channels, size);
            walk.Advance(channels, size, width);
        }

        CudaAsm.Emit("@@prepare;");
        for (int step = 0; step < steps; step++)
        {
            CudaAsm.Emit("@@ahead;");
            CopyForward(x, weight, walk, 8 * piece, channels, size);
            CudaAsm.Emit("@@multiply;");
            walk.Advance(channels, size, width);
        }

        CudaAsm.Emit("@@scale %0, %1;", alpha, beta);
        CudaAsm.Emit("@@turn;");
        CudaAsm.Emit(
            "@@store %0, %1, %2, %3, %4, %5, %6, %7, %8;", y, bias, residual, place.Row + place.WarpRow + (lane >> 2),
            place.Column + place.WarpColumn + 8 * (lane & 3), pixels, filters, filters, biasedRows);
    }

    /// <summary>Starts the copies of a stage; beyond the last tap zeros arrive, which nobody multiplies.</summary>
    private static void CopyForward(long x, long weight, MmaWalk walk, int piece, int channels, int size)
    {
        int limit = walk.Limit(piece, channels, size);
        CudaAsm.Emit("@@copyrows %0, %1, %2, %3;", x, walk.Shift * channels + walk.First, limit, walk.Tap);
        CudaAsm.Emit("@@copycolumns %0, %1, %2;", weight, walk.Tap * channels + walk.First, limit);
        CudaAsm.Emit("@@commit;");
    }

    /// <summary>Where the thread's rows begin in an image tensor, and which of their taps lie in the image.</summary>
    private static void PlacePixels(int pixel, int channel, int pixels, int height, int width, int channels, int size)
    {
        int second = pixel + MmaText.RowsPerCopy, third = second + MmaText.RowsPerCopy, fourth = third + MmaText.RowsPerCopy;
        CudaAsm.Emit("@@row0 %0, %1;", pixel * channels + channel, MmaWalk.Inside(pixel, pixels, height, width, size));
        CudaAsm.Emit("@@row1 %0, %1;", second * channels + channel, MmaWalk.Inside(second, pixels, height, width, size));
        CudaAsm.Emit("@@row2 %0, %1;", third * channels + channel, MmaWalk.Inside(third, pixels, height, width, size));
        CudaAsm.Emit("@@row3 %0, %1;", fourth * channels + channel, MmaWalk.Inside(fourth, pixels, height, width, size));
    }
}

using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>The target of a thread's sums: a row-major matrix, overwritten or added to, with a bias for the first rows.</summary>
internal struct TileTarget
{
    public ArrayView<float> Matrix, Bias;
    public int Rows, Columns, Stride, BiasedRows, Add;

    /// <summary>Stores the sums whose rows and columns lie in the matrix.</summary>
    public readonly void Store<TAccess>(TileSums sums, int row, int column)
        where TAccess : struct, IFloat4Access
    {
        Float4 left = default, right = default;
        if (BiasedRows > 0)
        {
            left = TAccess.Load(Bias, column, Columns - column);
            right = TAccess.Load(Bias, column + 32, Columns - column - 32);
        }

        StoreRow<TAccess>(row, column, sums.Left0, sums.Right0, left, right);
        StoreRow<TAccess>(row + 1, column, sums.Left1, sums.Right1, left, right);
        StoreRow<TAccess>(row + 2, column, sums.Left2, sums.Right2, left, right);
        StoreRow<TAccess>(row + 3, column, sums.Left3, sums.Right3, left, right);
        StoreRow<TAccess>(row + 32, column, sums.Left4, sums.Right4, left, right);
        StoreRow<TAccess>(row + 33, column, sums.Left5, sums.Right5, left, right);
        StoreRow<TAccess>(row + 34, column, sums.Left6, sums.Right6, left, right);
        StoreRow<TAccess>(row + 35, column, sums.Left7, sums.Right7, left, right);
    }

    private readonly void StoreRow<TAccess>(int row, int column, Float4 left, Float4 right, Float4 leftBias, Float4 rightBias)
        where TAccess : struct, IFloat4Access
    {
        if (row >= Rows)
            return;
        StoreRun<TAccess>(row, column, left, leftBias);
        StoreRun<TAccess>(row, column + 32, right, rightBias);
    }

    private readonly void StoreRun<TAccess>(int row, int column, Float4 value, Float4 bias)
        where TAccess : struct, IFloat4Access
    {
        int index = row * Stride + column;
        if (row < BiasedRows)
            value += bias;
        if (Add != 0)
            value += TAccess.Load(Matrix, index, Columns - column);
        TAccess.Store(Matrix, index, Columns - column, value);
    }
}

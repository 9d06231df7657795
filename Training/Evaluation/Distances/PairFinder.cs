using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Finds all pairs of rows of two sets whose squared distance is at most a bound of either row, by tiles of products in float32 on a device
/// (<see cref="PairsWithin"/>). It hands over a few pairs too many, which the error of the products did not exclude.
/// </summary>
/// <remarks>Memory on the device: two tiles of rows, one of products and the list; with the usual tile and 2048 features 144 MiB, whatever the number of rows.</remarks>
internal sealed class PairFinder : IDisposable
{
    /// <summary>Rows of a tile, and most pairs that are listed of one.</summary>
    public const int UsualTile = 4096, UsualCapacity = 1 << 22;

    private readonly int tile, width, capacity;
    private readonly ComputeProgram program;
    private readonly Tensor left, right, ofLeft, ofRight, list;

    /// <summary>Records the work of one tile.</summary>
    /// <param name="device">The device.</param>
    /// <param name="width">Features in a row.</param>
    /// <param name="tile">Rows of a tile.</param>
    /// <param name="capacity">Most pairs that are listed of one tile.</param>
    /// <exception cref="MemoryLimitException">The device has not the memory.</exception>
    public PairFinder(ComputeDevice device, int width, int tile = UsualTile, int capacity = UsualCapacity)
    {
        (this.width, this.tile, this.capacity) = (width, tile, capacity);
        (left, right) = (device.CreateTensor(new Shape(tile, width)), device.CreateTensor(new Shape(tile, width)));
        (ofLeft, ofRight) = (device.CreateTensor(new Shape(2, tile)), device.CreateTensor(new Shape(2, tile)));
        list = device.CreateTensor(new Shape(1 + capacity), DType.Int32);
        program = new ComputeProgram(device);

        // A sum of K products in any order is off by at most K u |x| |y|, and 2 |x| |y| by no more than |x|^2 + |y|^2; the rest is for rounding the squares, the
        // bounds and the estimate itself.
        float error = (width + 16) * MathF.ScaleB(1, -24);
        PairsWithin.Apply(program, Linear.Apply(program, left, right), ofLeft, ofRight, error, list);
    }

    /// <summary>Takes the pairs of a tile, on the calling thread.</summary>
    /// <param name="pairs">Rows of the left and of the right set.</param>
    internal delegate void PairsAction(ReadOnlySpan<(int Left, int Right)> pairs);

    /// <summary>Calls an action with the pairs of each tile.</summary>
    /// <param name="x">The left set.</param>
    /// <param name="y">The right set.</param>
    /// <param name="boundsOfX">Bounds of the squared distances of each left row.</param>
    /// <param name="boundsOfY">Bounds of each right row.</param>
    /// <param name="half">Whether the sets are the same, and each pair of different rows is wanted once, the smaller number first.</param>
    /// <param name="take">Takes the pairs.</param>
    /// <param name="tooMany">Called in its place with a tile of which more pairs are within the bounds than are listed: first left row, number, first right row, number.</param>
    public void Find(FeatureRows x, FeatureRows y, double[] boundsOfX, double[] boundsOfY, bool half, PairsAction take, Action<int, int, int, int> tooMany)
    {
        int[] found = new int[1];
        float[] squaresOfX = Squares(x), squaresOfY = half ? squaresOfX : Squares(y);
        for (int i = 0; i < x.Count; i += tile)
        {
            Upload(x, i, squaresOfX, boundsOfX, left, ofLeft);
            for (int j = half ? i : 0; j < y.Count; j += tile)
            {
                Upload(y, j, squaresOfY, boundsOfY, right, ofRight);
                program.Run();
                list.Slice(0, new Shape(1)).Download<int>(found);
                if (found[0] > capacity)
                {
                    tooMany(i, Math.Min(tile, x.Count - i), j, Math.Min(tile, y.Count - j));
                    continue;
                }

                int[] listed = new int[1 + found[0]];
                list.Slice(0, new Shape(listed.Length)).Download<int>(listed);
                int rows = i, columns = j;
                (int Left, int Right)[] pairs = Array.ConvertAll(listed[1..], pair => (rows + pair / tile, columns + pair % tile));
                take(half && i == j ? Array.FindAll(pairs, pair => pair.Left < pair.Right) : pairs);
            }
        }
    }

    public void Dispose()
    {
        program.Dispose();
        foreach (Tensor each in new[] { left, right, ofLeft, ofRight, list })
            each.Dispose();
    }

    private static float[] Squares(FeatureRows rows) => Array.ConvertAll(rows.SquaredNorms(), square => (float)square);

    private void Upload(FeatureRows rows, int first, float[] squares, double[] bounds, Tensor data, Tensor squaresAndBounds)
    {
        int taken = Math.Min(tile, rows.Count - first);
        float[] words = new float[2 * tile];
        for (int i = 0; i < tile; i++)
            (words[i], words[tile + i]) = i < taken ? (squares[first + i], Upwards(bounds[first + i])) : (float.PositiveInfinity, float.NegativeInfinity);
        squaresAndBounds.Upload<float>(words);
        ReadOnlySpan<float> values = rows.Values.AsSpan(first * width, taken * width);
        if (taken < tile)
        {
            float[] padded = new float[tile * width]; // with zeros, whose squares are given as infinity
            values.CopyTo(padded);
            values = padded;
        }

        data.Upload(values);
    }

    /// <summary>A bound in float32 that is no less.</summary>
    private static float Upwards(double bound) => (float)bound >= bound ? (float)bound : MathF.BitIncrement((float)bound);
}

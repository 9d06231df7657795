using ILGPU;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Division of a matrix product's tiles and k-iterations among the blocks of a grid (stream-K, arXiv:2301.03598), in the form that kernels take.
/// Blocks compute their work from it, and so do tests on the host.
/// </summary>
internal struct StreamKSchedule
{
    /// <summary>The tiles.</summary>
    public TileGrid Tiles;

    /// <summary>Number of tiles, from the first on, that one block each computes; blocks share the others.</summary>
    public int WholeTiles;

    /// <summary>k-iterations of a tile.</summary>
    public int Iterations;

    /// <summary>Splits of k in each shared tile, one block each; k-iterations in a split, fewer in the last.</summary>
    public int Splits, SplitIterations;

    /// <summary>k-iterations of each remaining block, out of those of all shared tiles that belong to no split; 0 if no block remains.</summary>
    public int RemainderIterations;

    /// <summary>Number of partial sums for which a shared tile has buffers.</summary>
    public int Slots;

    /// <summary>Number of n tiles that take turns at summing the m operand over k, for the gradient of a bias.</summary>
    public int BiasTiles;

    /// <summary>Returns one work item of a block.</summary>
    /// <param name="index">Number of the work item among the block's, from 0.</param>
    /// <param name="block">Number of the block.</param>
    /// <param name="blocks">Blocks of the grid.</param>
    public readonly StreamKWork Work(int index, int block, int blocks)
    {
        StreamKWork work;
        work.Tile = -1;
        work.Begin = 0;
        work.End = Iterations;
        work.Slot = -1;
        int whole = block < WholeTiles ? (WholeTiles - 1 - block) / blocks + 1 : 0, shared = Tiles.Count - WholeTiles, splitting = Splits * shared;
        if (index < whole)
        {
            work.Tile = block + index * blocks;
        }
        else if (block < splitting)
        {
            if (index > whole)
                return work;
            work.Slot = block / shared;
            work.Tile = WholeTiles + block - work.Slot * shared;
            work.Begin = work.Slot * SplitIterations;
            work.End = IntrinsicMath.Min(work.Begin + SplitIterations, Iterations);
        }
        else if (RemainderIterations > 0)
        {
            int left = Iterations - Splits * SplitIterations, number = block - splitting;
            int from = number * RemainderIterations, to = IntrinsicMath.Min(from + RemainderIterations, shared * left);
            int tile = from / left + index - whole, begin = IntrinsicMath.Max(from, tile * left), end = IntrinsicMath.Min(to, (tile + 1) * left);
            if (begin >= end)
                return work;
            work.Tile = WholeTiles + tile;
            work.Begin = Splits * SplitIterations + begin - tile * left;
            work.End = Splits * SplitIterations + end - tile * left;
            work.Slot = Splits + number - tile * left / RemainderIterations;
        }

        return work;
    }

    /// <summary>Returns the number of partial sums of a shared tile.</summary>
    /// <param name="tile">Number of the tile among those that are shared.</param>
    public readonly int SlotsOf(int tile)
    {
        int left = Iterations - Splits * SplitIterations;
        return left <= 0 ? Splits : Splits + ((tile + 1) * left - 1) / RemainderIterations - tile * left / RemainderIterations + 1;
    }
}

/// <summary>A work item of a block: k-iterations of one tile.</summary>
internal struct StreamKWork
{
    /// <summary>Number of the tile; -1 if the block has no further work.</summary>
    public int Tile;

    /// <summary>First k-iteration, and the end: one after the last.</summary>
    public int Begin, End;

    /// <summary>Number of the buffer of this partial sum; -1 if the block computes the whole sum.</summary>
    public int Slot;
}

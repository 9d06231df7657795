using ILGPU;

namespace TrigFlowNative.Kernels;

/// <summary>
/// How the blocks of a grid share a matrix product's tiles and k-iterations (stream-K, arXiv:2301.03598), in the form kernels take. Blocks compute
/// their work with it, and tests do on the host.
/// </summary>
internal struct StreamKSchedule
{
    /// <summary>The tiles.</summary>
    public TileGrid Tiles;

    /// <summary>How many tiles, from the first, one block makes alone each; the others are shared.</summary>
    public int WholeTiles;

    /// <summary>k-iterations of a tile.</summary>
    public int Iterations;

    /// <summary>Splits of k of every shared tile, each made by a block that makes no other; and k-iterations of a split, the last of which may have fewer.</summary>
    public int Splits, SplitIterations;

    /// <summary>
    /// k-iterations that each of the remaining blocks makes of those that no split holds, of all shared tiles in a row; 0 where no block remains.
    /// </summary>
    public int RemainderIterations;

    /// <summary>Places for the partial sums of a shared tile.</summary>
    public int Slots;

    /// <summary>n tiles that take turns at summing the m operand over k, for the gradient of a bias.</summary>
    public int BiasTiles;

    /// <summary>A block's work by number, from 0.</summary>
    /// <param name="index">How many works the block has had.</param>
    /// <param name="block">The block.</param>
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

    /// <summary>Partial sums of a shared tile.</summary>
    /// <param name="tile">The tile, counted from the first that is shared.</param>
    public readonly int SlotsOf(int tile)
    {
        int left = Iterations - Splits * SplitIterations;
        return left <= 0 ? Splits : Splits + ((tile + 1) * left - 1) / RemainderIterations - tile * left / RemainderIterations + 1;
    }
}

/// <summary>A block's part of a matrix product: k-iterations of one tile.</summary>
internal struct StreamKWork
{
    /// <summary>The tile, by number; -1 where the block has nothing more to do.</summary>
    public int Tile;

    /// <summary>The first k-iteration, and the one behind the last.</summary>
    public int Begin, End;

    /// <summary>The place of the partial sum that this makes; -1 where it makes the whole sum.</summary>
    public int Slot;
}

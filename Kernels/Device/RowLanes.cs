using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels.Device;

/// <summary>
/// Division of bf16 rows among lanes: a power of two of lanes, all in one warp, holds a row in registers, see <see cref="IRowRun{TSelf}"/>. Also a kernel
/// parameter, hence only fields of four bytes.
/// </summary>
internal readonly struct RowLanes
{
    /// <summary>Most packs that a lane holds.</summary>
    private const int MaxPacks = 8;

    private const int MaxGroup = 128;

    /// <summary>Lanes of a row.</summary>
    public readonly int Lanes;

    /// <summary>Packs in a row.</summary>
    public readonly int Packs;

    /// <summary>Number of rows.</summary>
    public readonly int Rows;

    /// <summary>Rows that a lane takes, one after another.</summary>
    public readonly int RowsOfLane;

    /// <summary>The number of lanes is 2 to this power: kernels shift, since a division by a variable takes some thirty instructions.</summary>
    private readonly int shift;

    private RowLanes(int lanes, int packs, int rows, int rowsOfLane) =>
        (Lanes, Packs, Rows, RowsOfLane, shift) = (lanes, packs, rows, rowsOfLane, System.Numerics.BitOperations.Log2((uint)lanes));

    /// <summary>Packs of a lane.</summary>
    public int PacksOfLane => (Packs + Lanes - 1) / Lanes;

    /// <summary>
    /// Chooses the lanes: as few as hold a row with at most three packs each, so that a lane has several loads in flight and what is computed once for a row
    /// counts little; all of a warp, with more packs each, for long rows. Null if the rows are not of packs, or are too long for a warp.
    /// </summary>
    /// <param name="gpu">The device.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="channels">Elements in a row.</param>
    /// <param name="rowsOfLane">Rows that a lane takes, one after another.</param>
    public static RowLanes? Of(GpuDevice gpu, int rows, int channels, int rowsOfLane = 1)
    {
        const int few = 3;
        int packs = channels / Bf16x8.Width, lanes = 1;
        while (lanes < WarpOf(gpu) && lanes * few < packs)
            lanes *= 2;
        return channels % Bf16x8.Width == 0 && lanes * MaxPacks >= packs ? new RowLanes(lanes, packs, rows, rowsOfLane) : null;
    }

    /// <summary>The same lanes with another number of rows for each.</summary>
    public RowLanes WithRowsOfLane(int rowsOfLane) => new(Lanes, Packs, Rows, rowsOfLane);

    /// <summary>Rows that a warp takes.</summary>
    public int RowsOfWarp(GpuDevice gpu) => WarpOf(gpu) / Lanes * RowsOfLane;

    /// <summary>The launch in which each row has its lanes.</summary>
    public KernelConfig GridOf(GpuDevice gpu)
    {
        int group = Math.Min(MaxGroup, gpu.ReductionGroup), rows = group / WarpOf(gpu) * RowsOfWarp(gpu);
        return new KernelConfig((Rows + rows - 1) / rows, group);
    }

    /// <summary>The most rows for a lane, of at most as many as a tree of doublings reaches, at which the rows of a warp divide a number and enough warps remain.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="number">Rows that belong together, such as the pixels of an image.</param>
    /// <param name="most">Most rows for a lane, a power of two.</param>
    /// <returns>The lanes, or null if the rows of a warp do not divide the number even with one row for a lane.</returns>
    public RowLanes? Dividing(GpuDevice gpu, int number, int most)
    {
        const int warpsOfMultiprocessor = 16;
        for (int rows = most; rows >= 1; rows /= 2)
        {
            RowLanes lanes = WithRowsOfLane(rows);
            bool enough = rows == 1 || Rows / lanes.RowsOfWarp(gpu) >= warpsOfMultiprocessor * gpu.Multiprocessors;
            if (enough && number % lanes.RowsOfWarp(gpu) == 0)
                return lanes;
        }

        return null;
    }

    /// <summary>Loads a kernel for the number of packs that a lane holds.</summary>
    public Action Load<TLaunch>(TLaunch launch)
        where TLaunch : IRowRunLaunch => PacksOfLane switch
        {
            1 => launch.Load<LastPack>(),
            2 => launch.Load<MorePacks<LastPack>>(),
            3 => launch.Load<MorePacks<MorePacks<LastPack>>>(),
            4 => launch.Load<MorePacks<MorePacks<MorePacks<LastPack>>>>(),
            5 => launch.Load<MorePacks<MorePacks<MorePacks<MorePacks<LastPack>>>>>(),
            6 => launch.Load<MorePacks<MorePacks<MorePacks<MorePacks<MorePacks<LastPack>>>>>>(),
            7 => launch.Load<MorePacks<MorePacks<MorePacks<MorePacks<MorePacks<MorePacks<LastPack>>>>>>>(),
            _ => launch.Load<MorePacks<MorePacks<MorePacks<MorePacks<MorePacks<MorePacks<MorePacks<LastPack>>>>>>>>(),
        };

    /// <summary>Number of the calling thread's warp in the launch.</summary>
    public static int WarpIndex
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Grid.IdxX * (Group.DimX / Warp.WarpSize) + Group.IdxX / Warp.WarpSize;
    }

    /// <summary>First row of the calling thread; further ones follow at the distance of <see cref="RowStep"/>. It may lie beyond the last row.</summary>
    public int FirstRow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => WarpIndex * (RowStep * RowsOfLane) + (Warp.LaneIdx >> shift);
    }

    /// <summary>Distance of a thread's rows; the rows of a warp are consecutive.</summary>
    public int RowStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Warp.WarpSize >> shift;
    }

    /// <summary>Position of the calling thread in a row; nothing lies inside a row beyond the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RowPlace PlaceIn(int row) => RowPlace.Of(row * Packs, Warp.LaneIdx & (Lanes - 1), Lanes, row < Rows ? Packs : 0);

    /// <summary>Position in the row after one, for a load ahead; the row itself after the last one of the lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RowPlace PlaceAfter(int row, int step) => PlaceIn(step + 1 < RowsOfLane ? row + RowStep : row);

    /// <summary>Sum over the lanes of a row, in the fixed order of a tree; all threads of the warp must call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum(float value)
    {
        for (int mask = Lanes >> 1; mask > 0; mask >>= 1)
            value += Warp.ShuffleXor(value, mask);
        return value;
    }

    /// <summary>Two sums at once, see <see cref="Sum(float)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RowSums Sum(RowSums values)
    {
        for (int mask = Lanes >> 1; mask > 0; mask >>= 1)
        {
            float square = Warp.ShuffleXor(values.Square, mask), product = Warp.ShuffleXor(values.Product, mask);
            values.Square += square;
            values.Product += product;
        }

        return values;
    }

    private static int WarpOf(GpuDevice gpu) => Math.Min(gpu.Accelerator.WarpSize, gpu.ReductionGroup);
}

/// <summary>Sums over a row: of its squares, and of its products with another.</summary>
internal struct RowSums
{
    public float Square;
    public float Product;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RowSums Of(float square, float product)
    {
        RowSums result;
        result.Square = square;
        result.Product = product;
        return result;
    }
}

/// <summary>A kernel that is generic over the run of a lane, with its arguments.</summary>
internal interface IRowRunLaunch
{
    /// <summary>Loads the kernel for a type of run and returns an action that launches it.</summary>
    Action Load<TRun>()
        where TRun : unmanaged, IRowRun<TRun>;
}

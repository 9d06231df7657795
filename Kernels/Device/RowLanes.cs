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

    private RowLanes(int lanes, int packs, int rows, int rowsOfLane) => (Lanes, Packs, Rows, RowsOfLane) = (lanes, packs, rows, rowsOfLane);

    /// <summary>Packs of a lane.</summary>
    public int PacksOfLane => (Packs + Lanes - 1) / Lanes;

    /// <summary>
    /// Chooses the lanes: as few as hold a row with at most three packs each, so that a lane has several loads in flight and sums cross few lanes; all of a
    /// warp, with more packs each, for long rows. Null if the rows are not of packs, or are too long for a warp.
    /// </summary>
    /// <param name="gpu">The device.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="channels">Elements in a row.</param>
    /// <param name="rowsOfLane">Rows that a lane takes, one after another.</param>
    public static RowLanes? Of(GpuDevice gpu, int rows, int channels, int rowsOfLane = 1)
    {
        const int few = 3;
        int packs = channels / Bf16x8.Width, warp = Math.Min(gpu.Accelerator.WarpSize, gpu.ReductionGroup), lanes = 1;
        while (lanes < warp && lanes * few < packs)
            lanes *= 2;
        return channels % Bf16x8.Width == 0 && lanes * MaxPacks >= packs ? new RowLanes(lanes, packs, rows, rowsOfLane) : null;
    }

    /// <summary>The launch in which each row has its lanes.</summary>
    public KernelConfig GridOf(GpuDevice gpu)
    {
        int group = Math.Min(MaxGroup, gpu.ReductionGroup), rows = group / Lanes * RowsOfLane;
        return new KernelConfig((Rows + rows - 1) / rows, group);
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

    /// <summary>First row of the calling thread; further ones follow at the distance of <see cref="RowStep"/>. It may lie beyond the last row.</summary>
    public int FirstRow
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Grid.IdxX * (Group.DimX / Lanes) * RowsOfLane + Group.IdxX / Lanes;
    }

    /// <summary>Distance of a thread's rows.</summary>
    public int RowStep
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Group.DimX / Lanes;
    }

    /// <summary>Position of the calling thread in a row; nothing lies inside of a row beyond the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RowPlace PlaceIn(int row) => RowPlace.Of(row * Packs, Group.IdxX % Lanes, Lanes, row < Rows ? Packs : 0);

    /// <summary>Sum over the lanes of a row, in the fixed order of a tree; all threads of the warp must call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum(float value)
    {
        for (int mask = Lanes >> 1; mask > 0; mask >>= 1)
            value += Warp.ShuffleXor(value, mask);
        return value;
    }
}

/// <summary>A kernel that is generic over the run of a lane, with its arguments.</summary>
internal interface IRowRunLaunch
{
    /// <summary>Loads the kernel for a type of run and returns an action that launches it.</summary>
    Action Load<TRun>()
        where TRun : unmanaged, IRowRun<TRun>;
}

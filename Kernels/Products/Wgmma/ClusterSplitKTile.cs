using System.Reflection;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Tile of <see cref="ClusterSplitKConvolution"/>, whose k-iterations the blocks of a cluster share. Operands and products are those of a
/// <see cref="WgmmaTile"/>; the sums are stored in another way, for which this class lays out shared memory.
/// </summary>
internal sealed record ClusterSplitKTile(WgmmaTile Tile)
{
    /// <summary>Threads of a block: two consumer warpgroups and a producer warp.</summary>
    public const int Threads = Producer + 32;

    /// <summary>First thread of the producer warp.</summary>
    public const int Producer = 256;

    /// <summary>Bytes of the sums of a column.</summary>
    public const int ColumnBytes = WgmmaTile.Rows * sizeof(float);

    /// <summary>Columns in a run (a thread holds two columns of two rows); bytes of its sums.</summary>
    public const int Run = 8, RunBytes = Run * ColumnBytes;

    private const int MaxStages = 6;

    private static readonly MethodInfo Convolve = ((Delegate)ClusterSplitKConvolution.Convolve).Method;

    /// <summary>Runs of eight columns that a block stores.</summary>
    public int Runs => (Tile.Columns / Run + Tile.Splits - 1) / Tile.Splits;

    /// <summary>Columns that a block stores.</summary>
    public int BlockN => Run * Runs;

    /// <summary>Stages of the pipeline: as many as fit, but no more than are useful, so that blocks of other launches fit too.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - FixedBytes) / Tile.StageBytes);

    /// <summary>Dynamic shared memory of a block in bytes.</summary>
    public int SharedBytes => FixedBytes + Stages * Tile.StageBytes;

    /// <summary>Bytes beside the stages, for the barriers and for the sums that blocks read from each other.</summary>
    private int FixedBytes => WgmmaBlock.Alignment + WgmmaTile.BarrierBytes + Tile.Splits * Runs * RunBytes;

    /// <summary>The kernel's specification.</summary>
    public PtxKernelSpec Specification() =>
        new(Convolve, $"{Tile.Name}-s{Tile.Splits}", "sm_90a", Threads, SharedBytes, ClusterSplitKPtx.Macros(this)) { Cluster = Tile.Splits, MinResidentBlocks = 1 };
}

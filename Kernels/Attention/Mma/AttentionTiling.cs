using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// How a block of the tensor-core kernels divides its work and its shared memory. A warp owns 16 rows (queries, or keys in the kernel of dK and dV)
/// and streams the other operand. For D up to 128 it holds the sums of all channels of its rows in registers. For larger D two sums of 16 x D would
/// take all 255 registers of a thread, so two warps share 16 rows: each computes the logits of half of an n tile, they exchange weights through
/// shared memory, and each sums half of the channels.
/// </summary>
/// <remarks>
/// Rows of a tile are 2 D + 16 bytes apart. D is a multiple of 16 there, so the pitch is an odd multiple of 16 bytes: the eight rows that ldmatrix
/// reads at once lie in different banks, at constant offsets from one address per lane.
/// </remarks>
/// <param name="Depth">Channels D of a head.</param>
/// <param name="MTile">Rows of an m tile: 16 for each warp, or pair of warps; a power of two.</param>
/// <param name="NTile">Rows of an n tile; a power of two, at least 16 for each warp of a pair.</param>
/// <param name="Split">Warps that share a row: 1 or 2.</param>
internal sealed record AttentionTiling(int Depth, int MTile, int NTile, int Split)
{
    /// <summary>Maximum D.</summary>
    public const int MaxDepth = 256;

    /// <summary>Maximum D at which a warp holds two sums.</summary>
    private const int UnsplitDepth = 128;

    /// <summary>Maximum D at which a warp holds two sums beside the logits of 64 rows of an n tile without spilling.</summary>
    private const int LongTileDepth = 96;

    /// <summary>Name of the tiling for <see cref="Engine.Ptx.PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"d{Depth}-r{MTile}-s{NTile}-w{Split}";

    /// <summary>D rounded up so that each warp sums a multiple of 16 channels; the added channels are zeros in shared memory.</summary>
    public int Width => (Depth + 16 * Split - 1) / (16 * Split) * (16 * Split);

    /// <summary>Threads of a block.</summary>
    public int Threads => 2 * MTile * Split;

    /// <summary>Bytes from a row of a tile to the next.</summary>
    public int Pitch => 2 * Width + 16;

    /// <summary>Bytes from a row of exchanged weights to the next.</summary>
    public int WeightPitch => 2 * NTile + 16;

    /// <summary>Bytes from the first two n tiles and their row statistics to the second two.</summary>
    public int StageBytes => 2 * NTile * Pitch + 2 * 4 * NTile;

    /// <summary>Dynamic shared memory of a block in bytes.</summary>
    public int SharedBytes => Exchange + (Split > 1 ? 2 * ExchangeBytes : 0);

    /// <summary>Bytes of one statistic of every row, for each warp of a pair.</summary>
    public int ExchangeBytes => 4 * Split * MTile;

    /// <summary>Offset at which pairs of warps exchange row statistics.</summary>
    public int Exchange => Weights(Split > 1 ? 2 : 0);

    /// <summary>Offset of m tile i, 0 or 1.</summary>
    public int M(int i) => i * MTile * Pitch;

    /// <summary>Offset of n tile i: 0 and 1, then their statistics, then 2 and 3.</summary>
    public int N(int i) => M(2) + i / 2 * StageBytes + i % 2 * NTile * Pitch;

    /// <summary>Offset of statistic i, 0 or 1, of the first stage's n tile.</summary>
    public int Statistic(int i) => M(2) + 2 * NTile * Pitch + i * 4 * NTile;

    /// <summary>Offset at which pairs of warps exchange weights i, 0 or 1.</summary>
    public int Weights(int i) => M(2) + 2 * StageBytes + i * MTile * WeightPitch;

    /// <summary>Returns the tiling for a head on a GPU; null if none fits, and the portable kernels take over.</summary>
    public static AttentionTiling? For(GpuDevice gpu, AttentionSizes sizes) =>
        gpu.Accelerator is CudaAccelerator { Architecture: var architecture } && gpu.TensorCores != TensorCorePath.Portable
            ? For(SharedBytesOf(architecture), sizes.Depth, sizes.Length)
            : null;

    /// <summary>Returns the tiling with the largest tiles that fit, the same for all kernels of a head, so that the primal's bits do not depend on the tangent.</summary>
    /// <param name="sharedBytes">Shared memory that a block may use, in bytes.</param>
    /// <param name="depth">Channels of a head.</param>
    /// <param name="length">Rows of a head.</param>
    public static AttentionTiling? For(int sharedBytes, int depth, int length)
    {
        if (depth % 8 != 0 || depth > MaxDepth) // rows must begin at multiples of 16 bytes
            return null;
        int split = depth > UnsplitDepth ? 2 : 1, rows = split > 1 || length <= 64 ? 64 : 128;
        for (int nTile = depth is > LongTileDepth and <= UnsplitDepth ? 32 : 64; nTile >= 16 * split; nTile /= 2)
        {
            for (int mTile = rows; mTile >= 32; mTile /= 2)
            {
                var tiling = new AttentionTiling(depth, mTile, nTile, split);
                if (tiling.SharedBytes <= sharedBytes)
                    return tiling;
            }
        }

        return null;
    }

    /// <summary>Shared memory that a block may ask for (CUDA C++ programming guide, technical specifications per compute capability).</summary>
    private static int SharedBytesOf(CudaArchitecture architecture) => (architecture.Major, architecture.Minor) switch
    {
        (8, 0) or (8, 7) => 163 << 10,
        (9, _) or (10, _) => 227 << 10,
        _ => 99 << 10,
    };
}

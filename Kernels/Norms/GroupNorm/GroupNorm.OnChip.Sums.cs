using ILGPU;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>Device code of both kernels on the chip: the block's tile, sums in a fixed order, and tables of coefficients.</summary>
public static partial class GroupNorm
{
    /// <summary>Adds eight numbers of each thread over the rows of a column: first across the eighths of the block, then within one eighth.</summary>
    /// <param name="s">The tile. Its scratch memory holds the numbers, one kind after another.</param>
    /// <param name="round">Number of these eight sums.</param>
    private static void SumRows(OnChipTile s, int round)
    {
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int eighth = Group.DimX / 8, kind = Group.IdxX / eighth;
        int at = s.Scratch + kind * Group.DimX + (Group.IdxX - kind * eighth);
        Group.Barrier();
        float lower = shared[at] + shared[at + eighth] + (shared[at + 2 * eighth] + shared[at + 3 * eighth]);
        float upper = shared[at + 4 * eighth] + shared[at + 5 * eighth] + (shared[at + 6 * eighth] + shared[at + 7 * eighth]);
        shared[at] = lower + upper;
        Group.Barrier();
        if (Group.IdxX < OnChipTiling.SumsAtOnce * s.Vectors)
        {
            kind = Group.IdxX / s.Vectors;
            int first = s.Scratch + kind * Group.DimX;
            float sum = 0f;
            for (int row = Group.IdxX - kind * s.Vectors; row < eighth; row += s.Vectors)
                sum += shared[first + row];
            shared[s.Totals + round * OnChipTiling.SumsAtOnce * s.Vectors + Group.IdxX] = sum;
        }

        Group.Barrier();
    }

    /// <summary>Adds the totals of the cluster's blocks in order of rank, in every block.</summary>
    private static void SumCluster(OnChipTile s, int rounds)
    {
        if (s.Cluster == 1)
            return;
        CudaAsm.Emit("@@meet");
        for (int i = Group.IdxX; i < rounds * OnChipTiling.SumsAtOnce * s.Vectors; i += Group.DimX)
        {
            CudaAsm.Emit("@@gatherNone");
            for (int rank = 0; rank < s.Cluster; rank++)
                CudaAsm.Emit("@@gather %0, %1;", 4 * (s.Totals + i), rank);
            CudaAsm.Emit("@@gathered %0;", 4 * (s.Sums + i));
        }

        CudaAsm.Emit("@@read"); // no block may end before the others have read its totals
        Group.Barrier();
    }

    /// <summary>Byte offset of this thread's channel in a table.</summary>
    private static int TableOf(OnChipTile s, int table) => 4 * (s.Tables + table * s.Channels + Group.IdxX);

    /// <summary>Index within a sample of four consecutive elements, the first of this thread's run, as <see cref="RandomStream"/> counts them.</summary>
    private static int BlockOf(OnChipTile s, int pixel, int channels) => (pixel * channels + s.FirstChannel + OnChipTiling.VectorChannels * s.Column) >> 2;

    private static void FetchWeights(OnChipTile s, OnChipInputs a)
    {
        int channel = s.FirstChannel + Group.IdxX, channels = a.Extents.Channels;
        CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Weight), a.Weight + 4L * channel);
        CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Bias), a.Bias + 4L * channel);
        if (a.Extents.Modulated == 0)
            return;
        long scale = a.Modulation + 4L * (2 * s.Image * channels + channel);
        CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Scale), scale);
        CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Shift), scale + 4L * channels);
    }

    private static ChannelWeights ReadWeights(OnChipTile s, int modulated)
    {
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int at = s.Tables + Group.IdxX;
        var of = new ChannelWeights { Weight = shared[at + OnChipTile.Weight * s.Channels], Bias = shared[at + OnChipTile.Bias * s.Channels], Scale = 1f };
        if (modulated != 0)
        {
            of.Scale = shared[at + OnChipTile.Scale * s.Channels];
            of.Shift = shared[at + OnChipTile.Shift * s.Channels];
        }

        return of;
    }

    /// <param name="s">The tile.</param>
    /// <param name="k">Coefficients of the thread's channel.</param>
    /// <param name="half">Factor of A and B: 0.5 with SiLU, whose logistic function is computed as a hyperbolic tangent of h / 2.</param>
    private static void PutCoefficients(OnChipTile s, Affine k, float half)
    {
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int at = s.Tables + Group.IdxX;
        shared[at + s.Channels] = half * k.A;
        shared[at + 2 * s.Channels] = half * k.B;
        shared[at + 3 * s.Channels] = k.E;
        shared[at + 4 * s.Channels] = k.F;
    }

    /// <summary>The part of the activation that a block computes. Offsets in shared memory are in floats.</summary>
    internal struct OnChipTile
    {
        /// <summary>Numbers of the tables: the pivot, followed by A, B, E and F; the weights; tangents of the modulation, or statistics in the backward pass.</summary>
        public const int Pivot = 0, Weight = 5, Bias = 6, Scale = 7, Shift = 8, TangentScale = 9, TangentShift = 10, Rho = 9, Offset = 10;

        public int Image;
        public int FirstChannel;
        public int Channels;
        public int Vectors;
        public int Cluster;
        public int Rank;

        /// <summary>First pixel of the block; End is one after the last.</summary>
        public int Begin;
        public int End;
        public int Rows;
        public int Row;
        public int Column;
        public int Scratch;

        /// <summary>Offset of the block's sums; Sums is the offset of the cluster's.</summary>
        public int Totals;
        public int Sums;
        public int Tables;

        /// <summary>
        /// Finds the block's tile. It takes few divisions, since one is twenty instructions and a thread's whole work perhaps a thousand. Blocks
        /// begin with the last image: it was written last, so that L2 still holds it, and the reader of y does the same.
        /// </summary>
        public static OnChipTile Of(Extents s, OnChipGrid grid)
        {
            int item = Grid.IdxX >> grid.ClusterBits, rank = Grid.IdxX - (item << grid.ClusterBits);
            int fromLast = (int)((uint)item / (uint)grid.Tiles), row = (int)((uint)Group.IdxX / (uint)grid.Vectors);
            int channels = OnChipTiling.VectorChannels * grid.Vectors, begin = rank * grid.BlockPixels;
            int scratch = grid.TileBytes / sizeof(float), totals = scratch + OnChipTiling.SumsAtOnce * Group.DimX;
            int sums = 2 * OnChipTiling.SumsAtOnce * grid.Vectors, cluster = 1 << grid.ClusterBits;
            return new OnChipTile
            {
                Image = s.Images - 1 - fromLast,
                FirstChannel = (item - fromLast * grid.Tiles) * channels,
                Channels = channels,
                Vectors = grid.Vectors,
                Cluster = cluster,
                Rank = rank,
                Begin = begin,
                End = IntrinsicMath.Min(begin + grid.BlockPixels, s.Pixels),
                Rows = grid.Rows,
                Row = row,
                Column = Group.IdxX - row * grid.Vectors,
                Scratch = scratch,
                Totals = totals,
                Sums = cluster > 1 ? totals + sums : totals,
                Tables = totals + 2 * sums,
            };
        }
    }
}

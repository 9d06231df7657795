namespace TrigFlowNative.Kernels;

/// <summary>The arguments of the kernels on the chip. Addresses are those of global memory.</summary>
public static partial class GroupNorm
{
    /// <summary>A tensor like x and, where x ends before the last channel, the one like xSkip, which has the others.</summary>
    internal struct OnChipSources
    {
        /// <summary>Addresses of the one and of the other, any where there is none. A tangent lies behind its primal.</summary>
        public long X, XSkip;

        /// <summary>The one or the other.</summary>
        public readonly long Of(bool skip) => skip ? XSkip : X;
    }

    /// <summary>An <see cref="OnChipTiling"/> of an activation.</summary>
    internal struct OnChipGrid(OnChipTiling tiling, Extents s, int tiles)
    {
        /// <summary>Tiles of an image.</summary>
        public int Tiles = s.Channels / tiling.Channels;

        /// <summary>Runs of 8 channels in a tile, and pixels that a block takes at once.</summary>
        public int Vectors = tiling.Vectors, Rows = tiling.Rows;

        /// <summary>Logarithm to base 2 of the blocks in a cluster.</summary>
        public int ClusterBits = tiling.ClusterBits;

        /// <summary>Consecutive pixels of an image that a block has, the last block of a cluster perhaps fewer.</summary>
        public int BlockPixels = (s.Pixels + tiling.Cluster - 1) / tiling.Cluster;

        /// <summary>Bytes of shared memory for the tile of x and, with a tangent or backward, for a second one.</summary>
        public int TileBytes = tiling.TileBytes(tiles);
    }

    /// <summary>A dropout that follows, by the rule of <see cref="Dropout"/>; all zero without one.</summary>
    internal struct OnChipDropout
    {
        /// <summary>Address of step and first sample.</summary>
        public long Counter;

        /// <summary>Purpose and seed of the random numbers.</summary>
        public RandomStream Stream;

        /// <summary>Smallest word whose element stays.</summary>
        public uint Limit;

        /// <summary>Factor of an element that stays.</summary>
        public float Scale;
    }

    /// <summary>The part of the arguments that both kernels take.</summary>
    internal struct OnChipInputs
    {
        /// <summary>x, in bf16.</summary>
        public OnChipSources X;

        /// <summary>Channels of x itself; C where there is no xSkip.</summary>
        public int FirstChannels;

        /// <summary>0.5 with SiLU, else 1: a factor of the coefficients.</summary>
        public float Half;

        /// <summary>Addresses of weight (C), bias (C), modulation (N, 2 C) and the statistics' planes (N, groups), see <see cref="GroupStatistics"/>.</summary>
        public long Weight, Bias, Modulation, Statistics;

        /// <summary>Extents and switches.</summary>
        public Extents Extents;

        /// <summary>The tiling.</summary>
        public OnChipGrid Grid;

        /// <summary>The dropout.</summary>
        public OnChipDropout Dropout;
    }

    /// <summary>The argument of <see cref="OnChipForwardKernel"/>.</summary>
    internal struct OnChipForward
    {
        /// <summary>The common part.</summary>
        public OnChipInputs In;

        /// <summary>Address of y, behind whose primal its tangent lies.</summary>
        public long Y;
    }

    /// <summary>The argument of <see cref="OnChipBackwardKernel"/>.</summary>
    internal struct OnChipBackward
    {
        /// <summary>The common part.</summary>
        public OnChipInputs In;

        /// <summary>The gradients of x and xSkip, and tensors of which a multiple is added to them, see <see cref="Engine.Tape.Defer"/>.</summary>
        public OnChipSources Dx, Deferred;

        /// <summary>The factors of the latter.</summary>
        public float Factor, FactorSkip;

        /// <summary>Addresses of dy, of the sums (2, N, C), see <see cref="Gradients"/>, and of the modulation's gradient (N, 2 C).</summary>
        public long Dy, ChannelSums, DModulation;

        /// <summary>How to write the modulation's gradient: 0 overwrites, 1 adds, -1 leaves it out.</summary>
        public int Write;

        /// <summary>1 if dx is wanted, else 0.</summary>
        public int Input;

        /// <summary>1 to add to the gradient of x, 2 to that of xSkip, 3 to both; and the same for which of them has a deferred term.</summary>
        public int Adds, Takes;
    }
}

namespace TrigFlowNative.Kernels;

/// <summary>The arguments of the kernels on the chip. Addresses are in global memory.</summary>
public static partial class GroupNorm
{
    /// <summary>A tensor like x and, if x has only the first channels, a tensor like xSkip with the others.</summary>
    internal struct OnChipSources
    {
        /// <summary>Addresses of the two tensors; without xSkip the second is arbitrary. A tangent follows its primal.</summary>
        public long X, XSkip;

        /// <summary>Returns the address of one of the two tensors.</summary>
        public readonly long Of(bool skip) => skip ? XSkip : X;
    }

    /// <summary>An <see cref="OnChipTiling"/> in the form that kernels take.</summary>
    internal struct OnChipGrid(OnChipTiling tiling, Extents s, int tiles)
    {
        /// <summary>Tiles of an image.</summary>
        public int Tiles = s.Channels / tiling.Channels;

        /// <summary>Runs of 8 channels in a tile; pixels that a block takes at once.</summary>
        public int Vectors = tiling.Vectors, Rows = tiling.Rows;

        /// <summary>Base-2 logarithm of the number of blocks in a cluster.</summary>
        public int ClusterBits = tiling.ClusterBits;

        /// <summary>Consecutive pixels of an image in a block; the last block of a cluster may have fewer.</summary>
        public int BlockPixels = (s.Pixels + tiling.Cluster - 1) / tiling.Cluster;

        /// <summary>Bytes of the tile of x in shared memory; with a tangent or in the backward pass there is a second tile.</summary>
        public int TileBytes = tiling.TileBytes(tiles);
    }

    /// <summary>A dropout that follows, by the rule of <see cref="Dropout"/>; all fields are 0 without one.</summary>
    internal struct OnChipDropout
    {
        /// <summary>Address of the numbers of the step and of the first sample.</summary>
        public long Counter;

        /// <summary>Purpose and seed of the random numbers.</summary>
        public RandomStream Stream;

        /// <summary>Minimum random word of an element that is kept.</summary>
        public uint Limit;

        /// <summary>Factor of an element that is kept.</summary>
        public float Scale;
    }

    /// <summary>The part of the arguments that both kernels take.</summary>
    internal struct OnChipInputs
    {
        /// <summary>x, in bf16.</summary>
        public OnChipSources X;

        /// <summary>Channels of x itself; C without xSkip.</summary>
        public int FirstChannels;

        /// <summary>0.5 with SiLU, otherwise 1: a factor of the coefficients.</summary>
        public float Half;

        /// <summary>Addresses of weight (C), bias (C), modulation (N, 2 C) and the planes of the statistics (N, groups), see <see cref="GroupStatistics"/>.</summary>
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

        /// <summary>Address of y, whose tangent follows its primal.</summary>
        public long Y;
    }

    /// <summary>The argument of <see cref="OnChipBackwardKernel"/>.</summary>
    internal struct OnChipBackward
    {
        /// <summary>The common part.</summary>
        public OnChipInputs In;

        /// <summary>The gradients of x and xSkip; tensors that are scaled and added to these gradients, see <see cref="Engine.Tape.Defer"/>.</summary>
        public OnChipSources Dx, Deferred;

        /// <summary>The factors of the deferred tensors.</summary>
        public float Factor, FactorSkip;

        /// <summary>Addresses of dy, of the sums (2, N, C), see <see cref="Gradients"/>, and of the modulation's gradient (N, 2 C).</summary>
        public long Dy, ChannelSums, DModulation;

        /// <summary>0 to overwrite the modulation's gradient, 1 to add to it, -1 to skip it.</summary>
        public int Write;

        /// <summary>1 to compute dx, otherwise 0.</summary>
        public int Input;

        /// <summary>Bits of the gradients to add to, 1 for that of x and 2 for that of xSkip; bits of those with a deferred term.</summary>
        public int Adds, Takes;
    }
}

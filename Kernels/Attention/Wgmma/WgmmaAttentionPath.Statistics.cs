using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>The row statistics that <see cref="WgmmaAttentionGradient"/> reads.</summary>
internal sealed partial class WgmmaAttentionPath
{
    /// <summary>Threads of a block of <see cref="StatisticsKernel"/>.</summary>
    internal const int StatisticsThreads = 256;

    private const float Log2E = 1.44269504f;

    /// <summary>
    /// Computes the row statistics of the gradients, for one tile of 64 rows after another: 64 times -lse, as a power of two, then 64 times
    /// -rowsum(dO o O) / sqrt(D). Rows beyond the length, up to <paramref name="padded"/>, get values that make all weights 0.
    /// <paramref name="lanes"/> lanes of a warp, a power of two, share a row; each has eight channels or none.
    /// </summary>
    internal static void StatisticsKernel(
        ArrayView<Bf16x8> y, ArrayView<Bf16x8> dy, ArrayView<float> logSumExp, ArrayView<float> statistics, AttentionSizes sizes, int padded, int lanes)
    {
        int thread = Grid.IdxX * StatisticsThreads + Group.IdxX, i = thread / lanes, lane = thread - i * lanes;
        int pair = i / padded, row = i - pair * padded;
        bool there = pair < sizes.Pairs && row < sizes.Length;
        float sum = 0f;
        if (there && 8 * lane < sizes.Depth)
        {
            int pack = ((sizes.Output(pair) + row * sizes.Channels) >> 3) + lane;
            sum = Sum(Bf16x8.Widen(y[pack]) * Bf16x8.Widen(dy[pack]));
        }

        for (int distance = lanes >> 1; distance > 0; distance >>= 1)
            sum += Warp.ShuffleXor(sum, distance);
        if (lane > 0 || pair >= sizes.Pairs)
            return;
        int at = 2 * i - (row & 63); // 128 values for 64 rows
        statistics[at] = there ? -Log2E * logSumExp[pair * sizes.Length + row] : float.NegativeInfinity;
        statistics[at + 64] = -sizes.Scale * sum;
    }

    /// <summary>Lanes that share a row: enough for its channels, but so few that a load of a warp is 512 bytes.</summary>
    internal static int StatisticsLanes(int depth) => depth <= 64 ? 8 : depth <= 128 ? 16 : 32;

    /// <summary>Rows of a head in <see cref="StatisticsKernel"/>'s result: whole tiles of 128.</summary>
    internal static int PaddedLength(int length) => (length + 127) / 128 * 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum(Float8 a) => ((a.Lower.X + a.Lower.Y) + (a.Lower.Z + a.Lower.W)) + ((a.Upper.X + a.Upper.Y) + (a.Upper.Z + a.Upper.W));
}

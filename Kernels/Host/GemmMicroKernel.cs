using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels;

/// <summary>Access pattern of a row of A: <see cref="Runs"/> runs of <see cref="Length"/> elements.</summary>
/// <remarks>
/// A matrix row is one run. A 3x3 patch of a channels-last image is three runs of 3 C elements, one for each image line, since
/// the three pixels of a line are neighbours in memory.
/// </remarks>
/// <param name="Runs">Number of runs.</param>
/// <param name="RunStride">Distance between the starts of runs in elements.</param>
/// <param name="Length">Number of elements in a run.</param>
/// <param name="Step">Distance between the elements of a run in elements: 1, or the row length of a matrix that is read transposed.</param>
internal readonly record struct RowWalk(int Runs, int RunStride, int Length, int Step);

/// <summary>
/// Micro-kernel of all matrix products and convolutions on the host: six or four rows of A times a panel of B that is two vectors wide.
/// </summary>
/// <remarks>
/// Twelve accumulators, two vectors of B and one broadcast fill 15 of AVX2's 16 registers; 12 FMAs hide the latency of 4 cycles
/// on two pipes and need only 8 loads. Every element of C is one chain of FMAs in the order of the row of A, whatever its tile,
/// so that results depend neither on how rows are cut into tiles nor on the number of threads.
/// </remarks>
internal static unsafe class GemmMicroKernel<TVector>
    where TVector : unmanaged, IHostVector<TVector>
{
    /// <summary>Rows of the larger tile.</summary>
    public const int Rows = 6;

    /// <summary>Rows of the smaller tile, for rows that tiles of six leave over.</summary>
    public const int SmallRows = 4;

    /// <summary>Columns of a tile and of a panel of B.</summary>
    public static int Columns => 2 * TVector.Width;

    /// <summary>C[i] = start[i] + A[i] B for the rows i of a tile, six or four as <typeparamref name="TRows"/> says.</summary>
    /// <param name="a">Base address of the row offsets.</param>
    /// <param name="offsets">Offset of each row of A in floats; rows that the tile lacks repeat the last one.</param>
    /// <param name="last">Index of the tile's last row that exists.</param>
    /// <param name="walk">Access pattern of a row of A, one element per row of the panel.</param>
    /// <param name="b">Panel of B: Runs x Length rows of <see cref="Columns"/> floats.</param>
    /// <param name="start">First row from which sums start: a bias, zeros or C itself.</param>
    /// <param name="startStride">Distance between the rows of start in floats; 0 if one row serves all.</param>
    /// <param name="c">First element of the tile of C.</param>
    /// <param name="stride">Distance between the rows of C in floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // compiled optimised at once, since a single call can be long
    public static void Multiply<TRows>(
        float* a, int* offsets, int last, in RowWalk walk, float* b, float* start, int startStride, float* c, int stride)
        where TRows : struct, ITileRows
    {
        float* a0 = a + offsets[0], a1 = a + offsets[1], a2 = a + offsets[2], a3 = a + offsets[3], a4 = a0, a5 = a0;
        TVector c00 = TVector.Load(start), c01 = TVector.Load(start + TVector.Width);
        start += last > 0 ? startStride : 0;
        TVector c10 = TVector.Load(start), c11 = TVector.Load(start + TVector.Width);
        start += last > 1 ? startStride : 0;
        TVector c20 = TVector.Load(start), c21 = TVector.Load(start + TVector.Width);
        start += last > 2 ? startStride : 0;
        TVector c30 = TVector.Load(start), c31 = TVector.Load(start + TVector.Width);
        TVector c40 = default, c41 = default, c50 = default, c51 = default;
        if (TRows.Six)
        {
            a4 = a + offsets[4];
            a5 = a + offsets[5];
            start += last > 3 ? startStride : 0;
            c40 = TVector.Load(start);
            c41 = TVector.Load(start + TVector.Width);
            start += last > 4 ? startStride : 0;
            c50 = TVector.Load(start);
            c51 = TVector.Load(start + TVector.Width);
        }

        nint step = walk.Step, end = walk.Length * step, runStride = walk.RunStride;
        for (int run = walk.Runs; run > 0; run--)
        {
            for (nint i = 0; i < end; i += step)
            {
                TVector b0 = TVector.Load(b), b1 = TVector.Load(b + TVector.Width);
                TVector v = TVector.Broadcast(a0 + i);
                c00 = TVector.MultiplyAdd(v, b0, c00);
                c01 = TVector.MultiplyAdd(v, b1, c01);
                v = TVector.Broadcast(a1 + i);
                c10 = TVector.MultiplyAdd(v, b0, c10);
                c11 = TVector.MultiplyAdd(v, b1, c11);
                v = TVector.Broadcast(a2 + i);
                c20 = TVector.MultiplyAdd(v, b0, c20);
                c21 = TVector.MultiplyAdd(v, b1, c21);
                v = TVector.Broadcast(a3 + i);
                c30 = TVector.MultiplyAdd(v, b0, c30);
                c31 = TVector.MultiplyAdd(v, b1, c31);
                if (TRows.Six)
                {
                    v = TVector.Broadcast(a4 + i);
                    c40 = TVector.MultiplyAdd(v, b0, c40);
                    c41 = TVector.MultiplyAdd(v, b1, c41);
                    v = TVector.Broadcast(a5 + i);
                    c50 = TVector.MultiplyAdd(v, b0, c50);
                    c51 = TVector.MultiplyAdd(v, b1, c51);
                }

                b += Columns;
            }

            a0 += runStride;
            a1 += runStride;
            a2 += runStride;
            a3 += runStride;
            a4 += runStride;
            a5 += runStride;
        }

        c = Put(c, c00, c01, last > 0 ? stride : 0);
        c = Put(c, c10, c11, last > 1 ? stride : 0);
        c = Put(c, c20, c21, last > 2 ? stride : 0);
        c = Put(c, c30, c31, last > 3 ? stride : 0);
        if (TRows.Six)
        {
            c = Put(c, c40, c41, last > 4 ? stride : 0);
            Put(c, c50, c51, 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Put(float* c, TVector left, TVector right, int stride)
    {
        TVector.Store(left, c);
        TVector.Store(right, c + TVector.Width);
        return c + stride;
    }
}

/// <summary>Height of a tile, a constant to the JIT compiler, so that one source gives both kernels.</summary>
internal interface ITileRows
{
    /// <summary>Whether the tile has a fifth and a sixth row.</summary>
    static abstract bool Six { get; }
}

/// <summary>A tile of six rows.</summary>
internal readonly struct SixRows : ITileRows
{
    public static bool Six => true;
}

/// <summary>A tile of four rows.</summary>
internal readonly struct FourRows : ITileRows
{
    public static bool Six => false;
}

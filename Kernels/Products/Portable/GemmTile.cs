using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The inner loop of every portable matrix product: a group of 64 threads computes 64 x 64 outputs, 8 x 8 in each thread, from slices of 16 terms in
/// shared memory, a[term][row] and b[term][column].
/// </summary>
/// <remarks>
/// A thread needs 4 loads of 16 bytes from shared memory for 64 multiply-adds. Its rows and columns are two runs of four each, 32 apart. Lanes are
/// arranged over the tile so that within a half-warp a load reads at most 128 distinct bytes, and lanes that differ in one fixed bit read the same
/// ones: two passes for each load, the minimum for 16 bytes. In the line of a term, runs of 8 floats are permuted (exclusive-or with the number of
/// the term's quad), so that 32 lanes store values that they read along the terms, transposed, into 32 banks.
/// </remarks>
internal static class GemmTile
{
    /// <summary>Rows and columns of the tile.</summary>
    public const int Extent = 64;

    /// <summary>Terms in shared memory at a time.</summary>
    public const int Depth = 16;

    /// <summary>Threads of a group, the maximum of the simulator.</summary>
    public const int Threads = 64;

    /// <summary>Size of one operand's slice in <see cref="Float4"/>.</summary>
    public const int Slice = Extent * Depth / 4;

    private const int Line = Extent / 4;

    /// <summary>First run of four rows of this thread, 0 to 7; its other run is 8 runs further.</summary>
    public static int RowRun(int thread) => ((thread >> 1) & 1) | ((thread >> 3) & 6);

    /// <summary>First run of four columns of this thread, 0 to 7; its other run is 8 runs further.</summary>
    public static int ColumnRun(int thread) => (thread & 1) | ((thread >> 1) & 6);

    /// <summary>Adds the products of one slice to the sums.</summary>
    public static void Accumulate(ref TileSums sums, ArrayView<Float4> a, ArrayView<Float4> b, int rowRun, int columnRun)
    {
        // Two terms at a time: more would need more registers for operands than the sums leave.
        for (int term = 0; term < Depth; term += 2)
        {
            int swap = (term >> 1) & 6;
            // Views with constant indices: the offsets become part of the load instructions.
            ArrayView<Float4> rows = a.SubView(term * Line + (rowRun ^ swap));
            ArrayView<Float4> columns = b.SubView(term * Line + (columnRun ^ swap));
            sums.Add(rows[0], rows[8], columns[0], columns[8]);
            sums.Add(rows[Line], rows[Line + 8], columns[Line], columns[Line + 8]);
        }
    }

    /// <summary>Stores values that a thread read along the terms: value i holds terms 4 (thread % 4) to 4 (thread % 4) + 3 of row thread / 4 + 16 i.</summary>
    public static void StoreAlongTerms<TAccess>(ArrayView<Float4> slice, int thread, FourLoads loads)
        where TAccess : struct, IFloat4Access
    {
        int quad = thread & 3;
        int row = (thread >> 2) ^ (8 * quad);
        ArrayView<float> even = slice.Cast<float>().SubView(quad * 4 * Extent + row);
        ArrayView<float> odd = slice.Cast<float>().SubView(quad * 4 * Extent + (row ^ 16));
        Transpose(even, 0, TAccess.Mask(loads.V0, loads.Count0));
        Transpose(odd, 0, TAccess.Mask(loads.V1, loads.Count1));
        Transpose(even, 32, TAccess.Mask(loads.V2, loads.Count2));
        Transpose(odd, 32, TAccess.Mask(loads.V3, loads.Count3));
    }

    /// <summary>Stores values that a thread read along the lines: value i holds columns 4 (thread % 16) to 4 (thread % 16) + 3 of term thread / 16 + 4 i.</summary>
    public static void StoreAlongLines<TAccess>(ArrayView<Float4> slice, int thread, FourLoads loads)
        where TAccess : struct, IFloat4Access
    {
        int run = thread & 15;
        ArrayView<Float4> line = slice.SubView((thread >> 4) * Line);
        line[run] = TAccess.Mask(loads.V0, loads.Count0);
        line[4 * Line + (run ^ 2)] = TAccess.Mask(loads.V1, loads.Count1);
        line[8 * Line + (run ^ 4)] = TAccess.Mask(loads.V2, loads.Count2);
        line[12 * Line + (run ^ 6)] = TAccess.Mask(loads.V3, loads.Count3);
    }

    private static void Transpose(ArrayView<float> target, int row, Float4 value)
    {
        target[row] = value.X;
        target[row + Extent] = value.Y;
        target[row + 2 * Extent] = value.Z;
        target[row + 3 * Extent] = value.W;
    }
}

/// <summary>Values of an operand's next slice in a thread's registers, and how many of each four are valid.</summary>
internal struct FourLoads
{
    public Float4 V0, V1, V2, V3;
    public int Count0, Count1, Count2, Count3;

    public static FourLoads From<TAccess>(
        ArrayView<float> view, int index0, int count0, int index1, int count1, int index2, int count2, int index3, int count3)
        where TAccess : struct, IFloat4Access => new()
        {
            V0 = TAccess.Load(view, index0, count0),
            V1 = TAccess.Load(view, index1, count1),
            V2 = TAccess.Load(view, index2, count2),
            V3 = TAccess.Load(view, index3, count3),
            Count0 = count0,
            Count1 = count1,
            Count2 = count2,
            Count3 = count3,
        };
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Right operand B of a threaded product, packed into panels in the scratch memory of one call, with the rows from which sums
/// start, padded to whole panels: the bias for the primal, zeros for the tangent.
/// </summary>
internal readonly unsafe struct PackedB
{
    private PackedB(int depth, int columns, float* scratch, int padded)
    {
        Depth = depth;
        Columns = columns;
        Bias = scratch;
        Zeros = Bias + padded;
        Panels = Zeros + padded;
    }

    /// <summary>Rows of B.</summary>
    public int Depth { get; }

    /// <summary>Columns of B.</summary>
    public int Columns { get; }

    /// <summary>Bias, padded to whole panels; zeros if there is none.</summary>
    public float* Bias { get; }

    /// <summary>Row of zeros, padded to whole panels.</summary>
    public float* Zeros { get; }

    /// <summary>Panels of B: Depth x Columns floats, with Columns rounded up to whole panels.</summary>
    public float* Panels { get; }

    /// <summary>Reserves scratch memory for B, valid until the calling thread's next product; the caller then fills the panels.</summary>
    public static PackedB Take(int depth, int columns, Tensor? bias = null)
    {
        int padded = StridedGemm.Padded(columns);
        float* scratch = HostScratch.OfCall(2L * padded + (long)padded * depth);
        new Span<float>(scratch, 2 * padded).Clear();
        bias?.Span.CopyTo(new Span<float>(scratch, columns));
        return new PackedB(depth, columns, scratch, padded);
    }

    /// <summary>Fills the panels from a row-major (Depth, Columns) matrix.</summary>
    public PackedB PackRows(CpuDevice cpu, float* b)
    {
        (BlockedGemm gemm, int depth, int columns) = (BlockedGemm.Widest, Depth, Columns);
        return Pack(cpu, (column, width, panel) => gemm.PackRows(b + column, columns, depth, width, (float*)panel));
    }

    /// <summary>Fills the panels from a column-major matrix, the transpose of a row-major (Columns, Depth) one.</summary>
    public PackedB PackColumns(CpuDevice cpu, float* b)
    {
        (BlockedGemm gemm, int depth) = (BlockedGemm.Widest, Depth);
        return Pack(cpu, (column, width, panel) => gemm.PackColumns(b + (nint)column * depth, depth, depth, width, (float*)panel));
    }

    /// <summary>Calls pack(first column, number of columns, address of the panel) for every panel; one item takes several small panels.</summary>
    public PackedB Pack(CpuDevice cpu, Action<int, int, nint> pack)
    {
        const int grainFloats = 1 << 17; // takes about 0.1 ms
        PackedB packed = this;
        int width = BlockedGemm.Widest.PanelColumns;
        cpu.For(BlockedGemm.Widest.Panels(Columns), Math.Max(1, grainFloats / (Depth * width)), (from, to) =>
        {
            for (int column = (int)from * width; from < to; from++, column += width)
                pack(column, Math.Min(width, packed.Columns - column), (nint)(packed.Panels + (nint)column * packed.Depth));
        });
        return packed;
    }
}

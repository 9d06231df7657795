using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The right factor B of a threaded product in the scratch memory of one call: its panels, and the rows that the sums begin with,
/// filled up to whole panels: the bias for the primal, zeros for the tangent.
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

    /// <summary>The bias, or zeros if there is none.</summary>
    public float* Bias { get; }

    /// <summary>A row of zeros.</summary>
    public float* Zeros { get; }

    /// <summary>B in panels, Depth x Columns rounded up.</summary>
    public float* Panels { get; }

    /// <summary>Makes room for B; the panels are the caller's to fill before the calling thread's next product.</summary>
    public static PackedB Take(int depth, int columns, Tensor? bias = null)
    {
        int padded = StridedGemm.Padded(columns);
        float* scratch = HostScratch.OfCall(2L * padded + (long)padded * depth);
        new Span<float>(scratch, 2 * padded).Clear();
        bias?.Span.CopyTo(new Span<float>(scratch, columns));
        return new PackedB(depth, columns, scratch, padded);
    }

    /// <summary>Fills the panels from a matrix of contiguous rows.</summary>
    public PackedB PackRows(CpuDevice cpu, float* b)
    {
        (BlockedGemm gemm, int depth, int columns) = (BlockedGemm.Widest, Depth, Columns);
        return Pack(cpu, (column, width, panel) => gemm.PackRows(b + column, columns, depth, width, (float*)panel));
    }

    /// <summary>Fills the panels from a matrix of contiguous columns: the transpose of a (Columns, Depth) matrix.</summary>
    public PackedB PackColumns(CpuDevice cpu, float* b)
    {
        (BlockedGemm gemm, int depth) = (BlockedGemm.Widest, Depth);
        return Pack(cpu, (column, width, panel) => gemm.PackColumns(b + (nint)column * depth, depth, depth, width, (float*)panel));
    }

    /// <summary>Calls pack(first column, number of columns, address of the panel) for every panel, small ones several to an item.</summary>
    public PackedB Pack(CpuDevice cpu, Action<int, int, nint> pack)
    {
        const int grain = 1 << 17; // floats: about a tenth of a millisecond
        PackedB factor = this;
        int width = BlockedGemm.Widest.PanelColumns;
        cpu.For(BlockedGemm.Widest.Panels(Columns), Math.Max(1, grain / (Depth * width)), (from, to) =>
        {
            for (int column = (int)from * width; from < to; from++, column += width)
                pack(column, Math.Min(width, factor.Columns - column), (nint)(factor.Panels + (nint)column * factor.Depth));
        });
        return factor;
    }
}

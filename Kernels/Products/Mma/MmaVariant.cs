using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>A form of a kernel on mma.sync: everything on which its macros depend.</summary>
/// <param name="Tile">The tile.</param>
/// <param name="RowLines">Whether the row operand is stored in lines (<see cref="MmaLayout"/>).</param>
/// <param name="ColumnLines">Whether the column operand is stored in lines.</param>
/// <param name="Output">Storage type of the result and of the residual.</param>
/// <param name="HasBias">Whether a bias is added.</param>
/// <param name="HasResidual">Whether a residual is added.</param>
internal sealed record MmaVariant(MmaTile Tile, bool RowLines, bool ColumnLines, DType Output, bool HasBias, bool HasResidual)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Tile} {Output}{(HasBias ? " bias" : "")}{(HasResidual ? " residual" : "")}";
}

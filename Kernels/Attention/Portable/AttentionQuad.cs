using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Four channels of each of four rows, in registers between global and shared memory, so that four loads are in flight at once.</summary>
internal struct AttentionQuad
{
    public Float4 A;
    public Float4 B;
    public Float4 C;
    public Float4 D;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionQuad operator *(float a, AttentionQuad b)
    {
        AttentionQuad result;
        result.A = a * b.A;
        result.B = a * b.B;
        result.C = a * b.C;
        result.D = a * b.D;
        return result;
    }

    /// <summary>Loads rows row + (0, 1, 2, 3) step; zeros for rows from <paramref name="rows"/> and channels from <paramref name="columns"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionQuad Load(
        ArrayView<float> source, int origin, int stride, int row, int step, int rows, int column, int columns, int aligned)
    {
        int index = origin + row * stride + column, valid = columns - column;
        AttentionQuad quad;
        quad.A = Float4.Load(source, index, row < rows ? valid : 0, aligned);
        quad.B = Float4.Load(source, index + step * stride, row + step < rows ? valid : 0, aligned);
        quad.C = Float4.Load(source, index + 2 * step * stride, row + 2 * step < rows ? valid : 0, aligned);
        quad.D = Float4.Load(source, index + 3 * step * stride, row + 3 * step < rows ? valid : 0, aligned);
        return quad;
    }
}

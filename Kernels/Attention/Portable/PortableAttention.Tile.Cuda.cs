using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Device code that the tile kernels share. A group of 64 threads owns 32 rows of a head (queries, or keys in the second backward kernel) and streams
/// tiles of 64 rows of the other operand. Products over D load 16 channels at a time into shared memory, both operands transposed so that a thread
/// reads 4 rows and 8 columns as three vectors for 32 multiply-adds. Outputs (32 x D) accumulate in global memory, 64 columns at a time in registers:
/// a tile of 64 keys reads and writes each element once for 64 multiply-adds, and neither registers nor shared memory limit D.
/// </summary>
internal sealed partial class PortableAttention
{
    private const int GroupThreads = 64;
    private const int MTile = 32;
    private const int NTile = 64;

    /// <summary>Channels (for logits) or rows of the n tile (for outputs) in shared memory at a time.</summary>
    private const int Chunk = 16;

    /// <summary>Vectors from one channel to the next of the m tile: 32 floats and 4 of padding against bank conflicts.</summary>
    private const int MPitch = 9;

    /// <summary>Vectors from one channel to the next of the n tile: 64 floats and 4 of padding.</summary>
    private const int NPitch = 17;

    private const int MChunk = Chunk * MPitch;
    private const int NChunk = Chunk * NPitch;

    /// <summary>Vectors of the weights, transposed: for each row of the n tile one vector for every four rows of the m tile, padded.</summary>
    private const int WeightTile = NTile * MPitch;

    private static int Tx => Group.IdxX & 7;

    private static int Ty => Group.IdxX >> 3;

    /// <summary>Four channels of the m tile's rows r and r + 16, where r = thread / 4; zeros outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Float4 First, Float4 Second) LoadM(ArrayView<float> source, int origin, int stride, int row, int channel, AttentionSizes sizes)
    {
        row += Group.IdxX >> 2;
        channel += (Group.IdxX & 3) << 2;
        int index = origin + row * stride + channel;
        int valid = sizes.Depth - channel;
        return (
            Float4.Load(source, index, row < sizes.Length ? valid : 0, sizes.Aligned),
            Float4.Load(source, index + 16 * stride, row + 16 < sizes.Length ? valid : 0, sizes.Aligned));
    }

    /// <summary>Four channels of the n tile's rows r, r + 16, r + 32 and r + 48, where r = thread / 4; zeros outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionQuad LoadN(ArrayView<float> source, int origin, int stride, int row, int channel, AttentionSizes sizes) =>
        AttentionQuad.Load(
            source, origin, stride, row + (Group.IdxX >> 2), 16, sizes.Length, channel + ((Group.IdxX & 3) << 2), sizes.Depth, sizes.Aligned);

    /// <summary>Sixteen rows of the n tile by 64 channels, for products that sum over its rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionQuad LoadFactors(ArrayView<float> source, int origin, int stride, int row, int channel, AttentionSizes sizes) =>
        AttentionQuad.Load(
            source, origin, stride, row + (Group.IdxX >> 4), 4, sizes.Length, channel + ((Group.IdxX & 15) << 2), sizes.Depth, sizes.Aligned);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutM(ArrayView<Float4> shared, Float4 first, Float4 second)
    {
        Scatter(shared, MPitch, 0, first);
        Scatter(shared, MPitch, 16, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutN(ArrayView<Float4> shared, AttentionQuad quad)
    {
        Scatter(shared, NPitch, 0, quad.A);
        Scatter(shared, NPitch, 16, quad.B);
        Scatter(shared, NPitch, 32, quad.C);
        Scatter(shared, NPitch, 48, quad.D);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutFactors(ArrayView<Float4> shared, AttentionQuad quad)
    {
        int place = (Group.IdxX >> 4) * NPitch + (Group.IdxX & 15);
        shared[place] = quad.A;
        shared[place + 4 * NPitch] = quad.B;
        shared[place + 8 * NPitch] = quad.C;
        shared[place + 12 * NPitch] = quad.D;
    }

    /// <summary>Writes four channels of one row to a layout whose rows are adjacent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scatter(ArrayView<Float4> shared, int pitch, int row, Float4 value)
    {
        ArrayView<float> elements = shared.Cast<float>();
        int place = ((Group.IdxX & 3) << 2) * (4 * pitch) + (Group.IdxX >> 2) + row;
        elements[place] = value.X;
        elements[place + 4 * pitch] = value.Y;
        elements[place + 8 * pitch] = value.Z;
        elements[place + 12 * pitch] = value.W;
    }

    /// <summary>Returns c plus the product of the m tile and the n tile in shared memory; factors of outputs have the same layout.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionTile MultiplyAdd(ArrayView<Float4> m, int start, ArrayView<Float4> n, AttentionTile c)
    {
        // Views that begin at this thread's elements: once the loop is unrolled, every index is a constant offset.
        ArrayView<Float4> rows = m.SubView(start * MPitch + Ty), near = n.SubView(Tx), far = n.SubView(Tx + 8);
        for (int i = 0; i < Chunk; i++)
            c = AttentionTile.MultiplyAdd(rows[i * MPitch], near[i * NPitch], far[i * NPitch], c);
        return c;
    }

    /// <summary>
    /// Adds the product of the primals to <see cref="AttentionDual.Primal"/>, and its tangent by the product rule to <see cref="AttentionDual.Tangent"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionDual MultiplyAdd(
        ArrayView<Float4> m, ArrayView<Float4> tm, int start, ArrayView<Float4> n, ArrayView<Float4> tn, AttentionDual c)
    {
        int row = start * MPitch + Ty;
        ArrayView<Float4> rows = m.SubView(row), near = n.SubView(Tx), far = n.SubView(Tx + 8);
        ArrayView<Float4> tRows = tm.SubView(row), tNear = tn.SubView(Tx), tFar = tn.SubView(Tx + 8);
        for (int i = 0; i < Chunk; i++)
        {
            Float4 x = rows[i * MPitch], u = near[i * NPitch], v = far[i * NPitch];
            c.Primal = AttentionTile.MultiplyAdd(x, u, v, c.Primal);
            c.Tangent = AttentionTile.MultiplyAdd(tRows[i * MPitch], u, v, c.Tangent);
            c.Tangent = AttentionTile.MultiplyAdd(x, tNear[i * NPitch], tFar[i * NPitch], c.Tangent);
        }

        return c;
    }

    /// <summary>Stores the tile transposed in shared memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutWeights(ArrayView<Float4> weights, AttentionTile p)
    {
        int near = 4 * Tx * MPitch + Ty, far = near + 32 * MPitch;
        weights[near] = Float4.Of(p.Near0.X, p.Near1.X, p.Near2.X, p.Near3.X);
        weights[near + MPitch] = Float4.Of(p.Near0.Y, p.Near1.Y, p.Near2.Y, p.Near3.Y);
        weights[near + 2 * MPitch] = Float4.Of(p.Near0.Z, p.Near1.Z, p.Near2.Z, p.Near3.Z);
        weights[near + 3 * MPitch] = Float4.Of(p.Near0.W, p.Near1.W, p.Near2.W, p.Near3.W);
        weights[far] = Float4.Of(p.Far0.X, p.Far1.X, p.Far2.X, p.Far3.X);
        weights[far + MPitch] = Float4.Of(p.Far0.Y, p.Far1.Y, p.Far2.Y, p.Far3.Y);
        weights[far + 2 * MPitch] = Float4.Of(p.Far0.Z, p.Far1.Z, p.Far2.Z, p.Far3.Z);
        weights[far + 3 * MPitch] = Float4.Of(p.Far0.W, p.Far1.W, p.Far2.W, p.Far3.W);
    }

    /// <summary>Adds a tile to 32 rows by 64 channels of an output, after multiplying the former values by each row's factor.</summary>
    /// <param name="target">The output.</param>
    /// <param name="origin">First channel of the head in the first row of the image.</param>
    /// <param name="stride">Elements from a row to the next.</param>
    /// <param name="row">First row of the m tile.</param>
    /// <param name="channel">First of the 64 channels.</param>
    /// <param name="sizes">Extents.</param>
    /// <param name="read">0 if the output has not been written yet, otherwise 1.</param>
    /// <param name="keep">Factor of each row's former values.</param>
    /// <param name="sum">The tile.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(
        ArrayView<float> target, int origin, int stride, int row, int channel, AttentionSizes sizes, int read, Float4 keep, AttentionTile sum)
    {
        row += 4 * Ty;
        channel += 4 * Tx;
        int index = origin + row * stride + channel, valid = sizes.Depth - channel, rows = sizes.Length - row;
        AccumulateRow(target, index, rows > 0 ? valid : 0, sizes.Aligned, read, keep.X, sum.Near0, sum.Far0);
        AccumulateRow(target, index + stride, rows > 1 ? valid : 0, sizes.Aligned, read, keep.Y, sum.Near1, sum.Far1);
        AccumulateRow(target, index + 2 * stride, rows > 2 ? valid : 0, sizes.Aligned, read, keep.Z, sum.Near2, sum.Far2);
        AccumulateRow(target, index + 3 * stride, rows > 3 ? valid : 0, sizes.Aligned, read, keep.W, sum.Near3, sum.Far3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AccumulateRow(
        ArrayView<float> target, int index, int valid, int aligned, int read, float keep, Float4 near, Float4 far)
    {
        Float4 oldNear = Float4.Load(target, index, read != 0 ? valid : 0, aligned);
        Float4 oldFar = Float4.Load(target, index + 32, read != 0 ? valid - 32 : 0, aligned);
        Float4.Store(target, index, valid, aligned, Float4.MultiplyAdd(keep, oldNear, near));
        Float4.Store(target, index + 32, valid - 32, aligned, Float4.MultiplyAdd(keep, oldFar, far));
    }
}

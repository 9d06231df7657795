using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Algorithms.ScanReduceOperations;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// On a GPU, a warp takes a short row and a group a longer one. Its threads keep the row's first values in registers, up to 32 each, and read
/// what is beyond (rows of more than 8192) a second time.
/// </summary>
public static partial class WeightNorm
{
    /// <param name="values">Master weights.</param>
    /// <param name="single">Compute weights in fp32; any view if they are bf16.</param>
    /// <param name="rounded">Compute weights in bf16; any view if they are fp32.</param>
    /// <param name="rows">Where each row lies.</param>
    /// <param name="parts">All parts.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="force">1 to replace the stored row first, otherwise 0.</param>
    /// <param name="bf16">1 for compute weights in bf16, 0 for fp32.</param>
    /// <param name="byWarp">1 if each warp takes a row, 0 if the whole group takes one.</param>
    internal static void MakeAlignedKernel(
        ArrayView<float> values, ArrayView<float> single, ArrayView<BFloat16> rounded, ArrayView<Row> rows, ArrayView<Part> parts,
        int count, int force, int bf16, int byWarp) =>
        MakeRow<AlignedAccess>(values, single, rounded, rows, parts, count, force, bf16, byWarp, 1);

    internal static void MakeSingleKernel(
        ArrayView<float> values, ArrayView<float> single, ArrayView<BFloat16> rounded, ArrayView<Row> rows, ArrayView<Part> parts,
        int count, int force, int bf16, int byWarp) =>
        MakeRow<SingleAccess>(values, single, rounded, rows, parts, count, force, bf16, byWarp, 0);

    /// <param name="values">Master weights.</param>
    /// <param name="gradients">Gradients, replaced.</param>
    /// <param name="partials">Receives sum G N(w) scale of each row with a gain.</param>
    /// <param name="rows">Where each row lies.</param>
    /// <param name="parts">All parts.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="byWarp">1 if each warp takes a row, 0 if the whole group takes one.</param>
    internal static void BackwardAlignedKernel(
        ArrayView<float> values, ArrayView<float> gradients, ArrayView<double> partials, ArrayView<Row> rows, ArrayView<Part> parts, int count, int byWarp) =>
        BackwardRow<AlignedAccess>(values, gradients, partials, rows, parts, count, byWarp, 1);

    internal static void BackwardSingleKernel(
        ArrayView<float> values, ArrayView<float> gradients, ArrayView<double> partials, ArrayView<Row> rows, ArrayView<Part> parts, int count, int byWarp) =>
        BackwardRow<SingleAccess>(values, gradients, partials, rows, parts, count, byWarp, 0);

    /// <summary>Each group adds the sums of one gain.</summary>
    internal static void GainsKernel(ArrayView<double> partials, ArrayView<float> gradients, ArrayView<int> sums)
    {
        int first = sums[3 * Grid.IdxX + 1], end = first + sums[3 * Grid.IdxX + 2];
        double partial = 0;
        for (int i = first + Group.IdxX; i < end; i += Group.DimX)
            partial += partials[i];
        double sum = GroupSum.Of(partial);
        if (Group.IdxX == 0)
            gradients[sums[3 * Grid.IdxX]] = (float)sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MakeRow<TAccess>(
        ArrayView<float> values, ArrayView<float> single, ArrayView<BFloat16> rounded, ArrayView<Row> rows, ArrayView<Part> parts,
        int count, int force, int bf16, int byWarp, int aligned)
        where TAccess : struct, IFloat4Access
    {
        int index = RowIndex(byWarp);
        if (index >= count)
            return;
        Part part = parts[rows[index].Part];
        RowPlace at = PlaceOf(rows[index].Start, part.Columns, byWarp);
        RowQuads kept = RowQuads.Load<TAccess>(values, at, at.First);
        double squares = kept.Squares();
        for (int i = at.First + at.Chunk; i < at.Length; i += at.Chunk)
            squares += RowQuads.Load<TAccess>(values, at, i).Squares();
        double n = Math.Sqrt(Sum(squares, byWarp) / at.Length);
        if (force != 0)
        {
            float reciprocal = (float)(1 / (n + Epsilon));
            kept = kept.Times(reciprocal);
            kept.Store<TAccess>(values, at, at.First);
            squares = kept.Squares();
            for (int i = at.First + at.Chunk; i < at.Length; i += at.Chunk)
            {
                RowQuads replaced = RowQuads.Load<TAccess>(values, at, i).Times(reciprocal);
                replaced.Store<TAccess>(values, at, i);
                squares += replaced.Squares();
            }

            n = Math.Sqrt(Sum(squares, byWarp) / at.Length);
        }

        double factor = (part.Gain >= 0 ? values[part.Gain] : 1f) / (n + Epsilon);
        RowFactors factors = FactorsOf(part, (float)(part.Scale * factor), (float)(part.SplitScale * factor), aligned);
        StoreCompute<TAccess>(single, rounded, kept.Times(factors, at, at.First), at, at.First, bf16, aligned);
        for (int i = at.First + at.Chunk; i < at.Length; i += at.Chunk)
            StoreCompute<TAccess>(single, rounded, RowQuads.Load<TAccess>(values, at, i).Times(factors, at, i), at, i, bf16, aligned);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void BackwardRow<TAccess>(
        ArrayView<float> values, ArrayView<float> gradients, ArrayView<double> partials, ArrayView<Row> rows, ArrayView<Part> parts,
        int count, int byWarp, int aligned)
        where TAccess : struct, IFloat4Access
    {
        int index = RowIndex(byWarp);
        if (index >= count)
            return;
        Row row = rows[index];
        Part part = parts[row.Part];
        RowPlace at = PlaceOf(row.Start, part.Columns, byWarp);
        RowFactors factors = FactorsOf(part, part.Scale, part.SplitScale, aligned);
        RowQuads w = RowQuads.Load<TAccess>(values, at, at.First);
        RowQuads g = RowQuads.Load<TAccess>(gradients, at, at.First).Times(factors, at, at.First);
        double squares = w.Squares(), products = w.Products(g);
        for (int i = at.First + at.Chunk; i < at.Length; i += at.Chunk)
        {
            RowQuads more = RowQuads.Load<TAccess>(values, at, i);
            squares += more.Squares();
            products += more.Products(RowQuads.Load<TAccess>(gradients, at, i).Times(factors, at, i));
        }

        double n = Math.Sqrt(Sum(squares, byWarp) / at.Length), projection = Sum(products, byWarp), reciprocal = 1 / (n + Epsilon);
        double outer = (part.Gain >= 0 ? values[part.Gain] : 1f) * reciprocal;
        float inner = (float)(outer * Radial(projection, n, at.Length));
        g.Without(w, (float)outer, inner).Store<TAccess>(gradients, at, at.First);
        for (int i = at.First + at.Chunk; i < at.Length; i += at.Chunk)
        {
            RowQuads more = RowQuads.Load<TAccess>(gradients, at, i).Times(factors, at, i);
            more.Without(RowQuads.Load<TAccess>(values, at, i), (float)outer, inner).Store<TAccess>(gradients, at, i);
        }

        if (row.Partial >= 0 && at.First == 0)
            partials[row.Partial] = projection * reciprocal;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreCompute<TAccess>(
        ArrayView<float> single, ArrayView<BFloat16> rounded, RowQuads quads, RowPlace at, int column, int bf16, int aligned)
        where TAccess : struct, IFloat4Access
    {
        if (bf16 != 0)
            quads.StoreRounded(rounded, at, column, aligned);
        else
            quads.Store<TAccess>(single, at, column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RowIndex(int byWarp) => byWarp != 0 ? Grid.IdxX * (Group.DimX / Warp.WarpSize) + Group.IdxX / Warp.WarpSize : Grid.IdxX;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowPlace PlaceOf(int start, int length, int byWarp)
    {
        RowPlace at;
        at.Start = start;
        at.Length = length;
        at.First = 4 * (byWarp != 0 ? Warp.LaneIdx : Group.IdxX);
        at.Step = 4 * (byWarp != 0 ? Warp.WarpSize : Group.DimX);
        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowFactors FactorsOf(Part part, float first, float second, int aligned)
    {
        RowFactors factors;
        factors.First = first;
        factors.Second = second;
        factors.Channels = part.Channels;
        factors.Split = part.Split;
        factors.Aligned = aligned;
        return factors;
    }

    /// <summary>The sum over the row's threads, to each of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Sum(double value, int byWarp) => byWarp != 0 ? WarpExtensions.AllReduce<double, AddDouble>(value) : GroupSum.Of(value);
}

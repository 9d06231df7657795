using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>The innermost loop of <see cref="MatrixProduct"/>: a tile of six rows and two vectors, from packed panels of both factors.</summary>
internal abstract unsafe class ProductKernel<T>
    where T : unmanaged
{
    /// <summary>Rows of a tile, and of a panel of the left factor.</summary>
    public const int Rows = 6;

    /// <summary>Columns of a tile, and of a panel of the right factor.</summary>
    public abstract int Columns { get; }

    /// <summary>Kernel for the widest vectors that the processor accelerates; T is float or double.</summary>
    public static ProductKernel<T> Widest { get; } = (ProductKernel<T>)Choose();

    /// <summary>C (rows, columns) += A B. Every element is one chain of fused products over the depth, which is then added to C.</summary>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="a">Panel of A: for each column of A the <see cref="Rows"/> elements below one another.</param>
    /// <param name="b">Panel of B: for each row of B the <see cref="Columns"/> elements beside one another.</param>
    /// <param name="c">First element of the tile of C.</param>
    /// <param name="stride">Distance between rows of C in elements.</param>
    /// <param name="rows">Rows of C that exist, 1 to <see cref="Rows"/>.</param>
    /// <param name="columns">Columns of C that exist, 1 to <see cref="Columns"/>.</param>
    public abstract void Add(int depth, T* a, T* b, T* c, int stride, int rows, int columns);

    private static object Choose() => typeof(T) == typeof(double)
        ? Vector512.IsHardwareAccelerated ? new ProductKernel<double, Double512>() : new ProductKernel<double, Double256>()
        : Vector512.IsHardwareAccelerated ? new ProductKernel<float, Single512>() : new ProductKernel<float, Single256>();
}

/// <summary>The tile for one kind of vector. Twelve sums hide the latency of FMA on two pipes; with two vectors of B and a broadcast they fit 16 registers.</summary>
internal sealed unsafe class ProductKernel<T, TLanes> : ProductKernel<T>
    where T : unmanaged
    where TLanes : unmanaged, ILanes<TLanes, T>
{
    public override int Columns => 2 * TLanes.Width;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Add(int depth, T* a, T* b, T* c, int stride, int rows, int columns)
    {
        TLanes c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        TLanes c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        for (int k = 0; k < depth; k++)
        {
            TLanes b0 = TLanes.Load(b), b1 = TLanes.Load(b + TLanes.Width);
            TLanes v = TLanes.Broadcast(a);
            c00 = TLanes.MultiplyAdd(v, b0, c00);
            c01 = TLanes.MultiplyAdd(v, b1, c01);
            v = TLanes.Broadcast(a + 1);
            c10 = TLanes.MultiplyAdd(v, b0, c10);
            c11 = TLanes.MultiplyAdd(v, b1, c11);
            v = TLanes.Broadcast(a + 2);
            c20 = TLanes.MultiplyAdd(v, b0, c20);
            c21 = TLanes.MultiplyAdd(v, b1, c21);
            v = TLanes.Broadcast(a + 3);
            c30 = TLanes.MultiplyAdd(v, b0, c30);
            c31 = TLanes.MultiplyAdd(v, b1, c31);
            v = TLanes.Broadcast(a + 4);
            c40 = TLanes.MultiplyAdd(v, b0, c40);
            c41 = TLanes.MultiplyAdd(v, b1, c41);
            v = TLanes.Broadcast(a + 5);
            c50 = TLanes.MultiplyAdd(v, b0, c50);
            c51 = TLanes.MultiplyAdd(v, b1, c51);
            a += Rows;
            b += 2 * TLanes.Width;
        }

        // A tile at the border goes to a small copy of C and back, so that whole vectors never pass it.
        T* edge = stackalloc T[Rows * 2 * TLanes.Width];
        bool whole = rows == Rows && columns == Columns;
        T* target = whole ? c : edge;
        int step = whole ? stride : Columns;
        if (!whole)
        {
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                    edge[i * Columns + j] = c[(nint)i * stride + j];
        }

        target = Put(target, c00, c01, step);
        target = Put(target, c10, c11, step);
        target = Put(target, c20, c21, step);
        target = Put(target, c30, c31, step);
        target = Put(target, c40, c41, step);
        Put(target, c50, c51, step);
        if (!whole)
        {
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                    c[(nint)i * stride + j] = edge[i * Columns + j];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T* Put(T* c, TLanes left, TLanes right, int stride)
    {
        TLanes.Store(TLanes.Add(TLanes.Load(c), left), c);
        TLanes.Store(TLanes.Add(TLanes.Load(c + TLanes.Width), right), c + TLanes.Width);
        return c + stride;
    }
}

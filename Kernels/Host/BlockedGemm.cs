using System.Runtime.Intrinsics;

namespace TrigFlowNative.Kernels;

/// <summary>One thread's block of a product C = start + A B, with B in panels.</summary>
internal unsafe ref struct BlockProduct
{
    /// <summary>Base address of the row offsets.</summary>
    public float* A;

    /// <summary>Offset of each row of A in floats, padded by <see cref="BlockedGemm.FillUp"/>.</summary>
    public int* Offsets;

    /// <summary>Rows of A and C.</summary>
    public int Rows;

    /// <summary>Access pattern of a row of A.</summary>
    public RowWalk Walk;

    /// <summary>First panel of B.</summary>
    public float* B;

    /// <summary>Columns of B and C; the last panel may hold more.</summary>
    public int Columns;

    /// <summary>First element of C.</summary>
    public float* C;

    /// <summary>Distance between rows of C in floats.</summary>
    public int Stride;

    /// <summary>Row from which the sums of every row start, padded to whole panels; null to add to C.</summary>
    public float* Start;
}

/// <summary>Cache-blocked matrix products on one host thread for one vector width. Ops choose the threads and lay out rows and panels.</summary>
internal abstract unsafe class BlockedGemm
{
    /// <summary>Implementation for the widest vectors that the processor accelerates.</summary>
    public static BlockedGemm Widest { get; } =
        Vector512.IsHardwareAccelerated ? new BlockedGemm<HostVector512>()
        : Vector256.IsHardwareAccelerated ? new BlockedGemm<HostVector256>()
        : new BlockedGemm<HostVector128>();

    /// <summary>Number of padding entries that a table of row offsets needs beyond its rows.</summary>
    public const int Spare = GemmMicroKernel<HostVector128>.Rows;

    /// <summary>Number of columns of a panel.</summary>
    public abstract int PanelColumns { get; }

    /// <summary>Number of panel rows that fit the first-level cache: the k block of a product, and the pixels that a weight gradient takes at a time.</summary>
    public abstract int PanelDepth { get; }

    /// <summary>Number of panels for a number of columns.</summary>
    public int Panels(int columns) => (columns + PanelColumns - 1) / PanelColumns;

    /// <summary>Computes a block of C.</summary>
    public abstract void Multiply(in BlockProduct product);

    /// <inheritdoc cref="PanelPacking{TVector}.PackRows"/>
    public abstract void PackRows(float* b, nint stride, int depth, int width, float* panel);

    /// <inheritdoc cref="PanelPacking{TVector}.PackColumns"/>
    public abstract void PackColumns(float* b, nint stride, int depth, int width, float* panel);

    /// <inheritdoc cref="PanelPacking{TVector}.PackPatches"/>
    public abstract void PackPatches(in ImagePatches patches, long from, long to, int column, int width, float* panel);

    /// <summary>Repeats the last offset, for tiles that reach beyond the last row.</summary>
    public static void FillUp(int* offsets, int rows) => new Span<int>(offsets + rows, Spare).Fill(offsets[rows - 1]);
}

/// <inheritdoc cref="BlockedGemm"/>
internal sealed unsafe class BlockedGemm<TVector> : BlockedGemm
    where TVector : unmanaged, IHostVector<TVector>
{
    private const int Rows = GemmMicroKernel<TVector>.Rows, SmallRows = GemmMicroKernel<TVector>.SmallRows;

    /// <inheritdoc/>
    public override int PanelColumns => GemmMicroKernel<TVector>.Columns;

    /// <inheritdoc/>
    public override int PanelDepth => 5120 / GemmMicroKernel<TVector>.Columns; // 20 of the first-level cache's 32 KB; the rest is for A and C

    /// <inheritdoc/>
    public override void PackRows(float* b, nint stride, int depth, int width, float* panel) =>
        PanelPacking<TVector>.PackRows(b, stride, depth, width, panel);

    /// <inheritdoc/>
    public override void PackColumns(float* b, nint stride, int depth, int width, float* panel) =>
        PanelPacking<TVector>.PackColumns(b, stride, depth, width, panel);

    /// <inheritdoc/>
    public override void PackPatches(in ImagePatches patches, long from, long to, int column, int width, float* panel) =>
        PanelPacking<TVector>.PackPatches(patches, from, to, column, width, panel);

    /// <inheritdoc/>
    public override void Multiply(in BlockProduct product)
    {
        RowWalk walk = product.Walk;
        if (walk.Runs * walk.Length <= PanelDepth)
        {
            Tiles(product, walk, 0, 0, product.Start);
            return;
        }

        int kBlocks = (walk.Length + PanelDepth - 1) / PanelDepth;
        for (int run = 0; run < walk.Runs; run++)
        {
            for (int kBlock = 0; kBlock < kBlocks; kBlock++)
            {
                int from = (int)((long)walk.Length * kBlock / kBlocks), to = (int)((long)walk.Length * (kBlock + 1) / kBlocks);
                Tiles(
                    product, walk with { Runs = 1, Length = to - from }, run * walk.RunStride + from * walk.Step, run * walk.Length + from,
                    run + kBlock == 0 ? product.Start : null);
            }
        }
    }

    /// <summary>Computes all tiles for one k block, panel by panel, so that the block of a panel stays in the first-level cache.</summary>
    private static void Tiles(in BlockProduct product, in RowWalk walk, int offset, int firstDepth, float* start)
    {
        int columns = GemmMicroKernel<TVector>.Columns, depth = product.Walk.Runs * product.Walk.Length;
        float* edge = stackalloc float[Rows * columns];
        for (int column = 0; column < product.Columns; column += columns)
        {
            float* b = product.B + (nint)depth * column + firstDepth * columns;
            int width = Math.Min(columns, product.Columns - column), rows;
            for (int row = 0; row < product.Rows; row += rows)
            {
                int height = TileHeight(product.Rows - row);
                rows = Math.Min(height, product.Rows - row);
                float* c = product.C + (nint)row * product.Stride + column;
                float* tile = width == columns ? c : edge, init = start == null ? tile : start + column;
                int stride = width == columns ? product.Stride : columns, initStride = start == null ? stride : 0;
                if (width < columns && start == null)
                    Move(c, product.Stride, edge, columns, rows, width);
                Tile(height, product.A + offset, product.Offsets + row, rows - 1, walk, b, init, initStride, tile, stride);
                if (width < columns)
                    Move(edge, columns, c, product.Stride, rows, width);
            }
        }
    }

    /// <summary>Returns the rows of the next tile: six, or four near the end if that wastes less.</summary>
    private static int TileHeight(int left) => left is 1 or 2 or 3 or 4 or 7 or 8 ? SmallRows : Rows;

    private static void Tile(
        int height, float* a, int* offsets, int last, in RowWalk walk, float* b, float* start, int startStride, float* c, int stride)
    {
        if (height == Rows)
            GemmMicroKernel<TVector>.Multiply<SixRows>(a, offsets, last, walk, b, start, startStride, c, stride);
        else
            GemmMicroKernel<TVector>.Multiply<FourRows>(a, offsets, last, walk, b, start, startStride, c, stride);
    }

    private static void Move(float* source, int sourceStride, float* target, int targetStride, int rows, int width)
    {
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < width; j++)
                target[(nint)i * targetStride + j] = source[i * sourceStride + j];
    }
}

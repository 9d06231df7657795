using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Attention, and its tangent in the same pass, on Hopper's tensor cores. Blocks are persistent: a producer warpgroup copies queries, keys
/// and values ahead, across the border of tiles, while two consumer warpgroups multiply (as in arXiv:2407.08608, section 3). S and tS of a tile of 64 keys are sums
/// in registers, and so are O and tO; weights are rounded to bf16 and go from registers into the second product.
/// </summary>
/// <remarks>
/// What is computed is what <see cref="AttentionMacros"/> says, with one difference: a row's reference for exponents follows its maximum
/// only when that has grown by more than a factor of 256, since any reference gives the same result and sums need not be scaled
/// meanwhile. Primal and tangent logits are separate groups of products, so that exponentials are taken while those of the tangent
/// are still at work.
/// </remarks>
internal static class WgmmaAttention
{
    private const int NTile = WgmmaAttentionTile.NTile, ChunkBytes = WgmmaBlock.ChunkBytes;

    /// <summary>
    /// For heads of one chunk: each consumer warpgroup has rows of its own, whose queries it keeps in registers, and the products of weights and
    /// values of a tile run while the weights of the next are made.
    /// </summary>
    [PtxEntry]
    internal static void OwnRows(WgmmaAttentionArguments a)
    {
        CudaAsm.Emit("@@declare %0;", a.Grid.Sizes.Scale);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        // From a lane of the warp, which tells the assembler that descriptors are uniform.
        int warpgroup = Warp.Shuffle(Group.IdxX >> 7, 0), thread = Group.IdxX & 127, length = a.Grid.Sizes.Length;
        AttentionPipelines pipelines = Start(a, shared);
        CopyPipeline queries = pipelines.M, keysAndValues = pipelines.N;
        if (warpgroup == 2)
        {
            CudaAsm.Emit("@@fewRegisters;");
            if (thread == 0)
                Produce(a, queries, keysAndValues, new QueryTile { Chunks = 2, RowStep = 64, MTile = 128, Lag = NTile });
        }
        else
        {
            CudaAsm.Emit("@@manyRegisters;");
            int mine = 1 + warpgroup, other = 2 - warpgroup;
            if (warpgroup == 1)
                CudaAsm.Emit("@@passTurn %0;", other);
            for (int number = Grid.IdxX; number < a.Grid.Items; number += Grid.DimX)
            {
                AttentionItem item = AttentionItem.Of(a.Grid, number, 128);
                item.Row += 64 * warpgroup;
                queries.WaitFull();
                CudaAsm.Emit("@@begin %0;", queries.Address + warpgroup * ChunkBytes);
                AsyncBarrier.ArriveFirst(queries.EmptyBarrier, thread & 31);
                queries.Phase ^= 1;
                CopyPipeline keys = keysAndValues;
                CudaAsm.Emit("@@awaitTurn %0;", mine);
                keysAndValues = Scores(keysAndValues, 0, a.Tangent);
                CudaAsm.Emit("@@passTurn %0;", other);
                CudaAsm.Emit("@@awaitScores;");
                if (length < NTile)
                    CudaAsm.Emit("@@mask %0;", length);
                CudaAsm.Emit("@@exponentials;");
                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(keys, thread, a.Tangent);
                CudaAsm.Emit("@@centre %0;", a.Grid.Sizes.Scale / IntrinsicMath.Min(NTile, length));
                CudaAsm.Emit("@@tangents;");
                CudaAsm.Emit("@@pack;");
                for (int first = NTile; first < length; first += NTile)
                {
                    keys = keysAndValues;
                    CudaAsm.Emit("@@awaitTurn %0;", mine);
                    keysAndValues = Scores(keysAndValues, 0, a.Tangent);
                    CopyPipeline values = keysAndValues;
                    keysAndValues = Outputs(keysAndValues, 0, a.Tangent);
                    CudaAsm.Emit("@@passTurn %0;", other);
                    CudaAsm.Emit("@@awaitScoresBeforeOutputs;");
                    if (first + NTile > length)
                        CudaAsm.Emit("@@mask %0;", length - first);
                    CudaAsm.Emit("@@exponentials;");
                    CudaAsm.Emit("@@awaitTangentsBeforeOutputs;");
                    Release(keys, thread, a.Tangent);
                    CudaAsm.Emit("@@tangents;");
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                    Release(values, thread, a.Tangent);
                    CudaAsm.Emit("@@rescale;");
                    CudaAsm.Emit("@@pack;");
                }

                CopyPipeline last = keysAndValues;
                CudaAsm.Emit("@@awaitTurn %0;", mine);
                keysAndValues = Outputs(keysAndValues, 0, a.Tangent);
                CudaAsm.Emit("@@passTurn %0;", other);
                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(last, thread, a.Tangent);
                Finish(a, item);
            }

            if (warpgroup == 0)
                CudaAsm.Emit("@@awaitTurn %0;", mine);
        }
    }

    /// <summary>
    /// For heads of several chunks: both consumer warpgroups have the same rows and each half of the channels. There are no registers for weights
    /// in use beside the next logits; while one warpgroup makes weights the other's products are at work.
    /// </summary>
    [PtxEntry]
    internal static void SharedRows(WgmmaAttentionArguments a)
    {
        CudaAsm.Emit("@@declare %0;", a.Grid.Sizes.Scale);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        // From a lane of the warp, which tells the assembler that descriptors are uniform.
        int warpgroup = Warp.Shuffle(Group.IdxX >> 7, 0), thread = Group.IdxX & 127, length = a.Grid.Sizes.Length;
        AttentionPipelines pipelines = Start(a, shared);
        CopyPipeline queries = pipelines.M, keysAndValues = pipelines.N;
        if (warpgroup == 2)
        {
            CudaAsm.Emit("@@fewRegisters;");
            if (thread == 0)
                Produce(a, queries, keysAndValues, new QueryTile { Chunks = a.Chunks, ChannelStep = 64, MTile = 64 });
        }
        else
        {
            CudaAsm.Emit("@@manyRegisters;");
            int half = warpgroup * (a.Chunks >> 1);
            long own = WgmmaOperand.At(WgmmaOperand.AlongRows, queries.Address);
            for (int number = Grid.IdxX; number < a.Grid.Items; number += Grid.DimX)
            {
                AttentionItem item = AttentionItem.Of(a.Grid, number, 64);
                queries.WaitFull();
                CudaAsm.Emit("@@begin %0;", 0);
                for (int first = 0; first < length; first += NTile)
                {
                    CopyPipeline keys = keysAndValues;
                    keysAndValues = Scores(keysAndValues, own, a.Tangent);
                    CudaAsm.Emit("@@awaitScores;");
                    if (first + NTile > length)
                        CudaAsm.Emit("@@mask %0;", length - first);
                    CudaAsm.Emit("@@exponentials;");
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                    Release(keys, thread, a.Tangent);
                    if (first + NTile >= length)
                        AsyncBarrier.ArriveFirst(queries.EmptyBarrier, thread & 31);
                    if (first == 0)
                        CudaAsm.Emit("@@centre %0;", a.Grid.Sizes.Scale / IntrinsicMath.Min(NTile, length));
                    CudaAsm.Emit("@@tangents;");
                    CudaAsm.Emit("@@rescale;");
                    CudaAsm.Emit("@@pack;");
                    CopyPipeline values = keysAndValues;
                    keysAndValues = Outputs(keysAndValues, half * ChunkBytes, a.Tangent);
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                    Release(values, thread, a.Tangent);
                }

                queries.Phase ^= 1;
                Finish(a, item);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionPipelines Start(WgmmaAttentionArguments a, int shared)
    {
        CopyPipeline queries = default, keysAndValues = default;
        queries.Start = shared;
        queries.StageBytes = a.QueryBytes;
        keysAndValues.Start = shared + a.QueryBytes;
        keysAndValues.StageBytes = a.Chunks * ChunkBytes;
        keysAndValues.Stages = a.Stages;
        return AttentionPipelines.Start(queries, keysAndValues, keysAndValues.Start + a.Stages * keysAndValues.StageBytes);
    }

    /// <summary>The producer thread: for each m tile its queries, and then all tiles of keys and of values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Produce(WgmmaAttentionArguments a, CopyPipeline queries, CopyPipeline keysAndValues, QueryTile tile)
    {
        AttentionSizes s = a.Grid.Sizes;
        queries.StartProducing();
        keysAndValues.StartProducing();
        for (int number = Grid.IdxX; number < a.Grid.Items; number += Grid.DimX)
        {
            AttentionItem item = AttentionItem.Of(a.Grid, number, tile.MTile);
            queries.AcquireEmpty(a.QueryBytes);
            int target = queries.Address;
            for (int part = 0; part <= a.Tangent; part++)
                for (int i = 0; i < tile.Chunks; i++)
                {
                    var at = new ImageCoordinate { C = i * tile.ChannelStep, W = item.Head, H = item.Row + i * tile.RowStep, N = item.Image + part * s.Images };
                    TensorCopy.LoadImages(target, a.Map, at, queries.FullBarrier);
                    target += ChunkBytes;
                }

            queries.Phase ^= 1;
            for (int first = 0; first < s.Length + tile.Lag; first += NTile)
            {
                if (first < s.Length)
                    keysAndValues = Copy(a, keysAndValues, new ImageCoordinate { W = s.Heads + item.Head, H = first, N = item.Image });
                if (first >= tile.Lag)
                    keysAndValues = Copy(a, keysAndValues, new ImageCoordinate { W = 2 * s.Heads + item.Head, H = first - tile.Lag, N = item.Image });
            }
        }
    }

    /// <summary>Starts the copies of a tile of keys or values, then of its tangent, each into a stage of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static CopyPipeline Copy(WgmmaAttentionArguments a, CopyPipeline keysAndValues, ImageCoordinate at)
    {
        int image = at.N;
        for (int part = 0; part <= a.Tangent; part++)
        {
            keysAndValues.AcquireEmpty(keysAndValues.StageBytes);
            for (int chunk = 0; chunk < a.Chunks; chunk++)
            {
                at.C = 64 * chunk;
                at.N = image + part * a.Grid.Sizes.Images;
                TensorCopy.LoadImages(keysAndValues.Address + chunk * ChunkBytes, a.Map, at, keysAndValues.FullBarrier);
            }

            keysAndValues.Advance();
        }

        return keysAndValues;
    }

    /// <summary>Starts the products of queries and the next tile of keys: a group for S and, with a tangent, two for tS.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static CopyPipeline Scores(CopyPipeline keys, long queries, int tangent)
    {
        keys.WaitFull();
        CudaAsm.Emit("@@scores %0, %1;", WgmmaOperand.At(WgmmaOperand.AlongRows, keys.Address), queries);
        keys.Advance();
        CudaAsm.Emit("@@tangentFilled %0, %1;", keys.FullBarrier, keys.Phase);
        CudaAsm.Emit("@@scoresOfTangent %0, %1;", WgmmaOperand.At(WgmmaOperand.AlongRows, keys.Address), queries);
        keys.Advance(tangent);
        return keys;
    }

    /// <summary>Starts the products of weights and the next tile of values, from so many bytes on: a group for each of the two tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static CopyPipeline Outputs(CopyPipeline values, int from, int tangent)
    {
        values.WaitFull();
        CudaAsm.Emit("@@outputs %0;", WgmmaOperand.At(WgmmaOperand.AcrossRows, values.Address + from));
        values.Advance();
        CudaAsm.Emit("@@tangentFilled %0, %1;", values.FullBarrier, values.Phase);
        CudaAsm.Emit("@@outputsOfTangent %0;", WgmmaOperand.At(WgmmaOperand.AcrossRows, values.Address + from));
        values.Advance(tangent);
        return values;
    }

    /// <summary>Releases a tile's stage and its tangent's, if there is one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Release(CopyPipeline stage, int thread, int tangent)
    {
        stage.ReleaseByWarp(thread);
        if (tangent == 0)
            return;
        stage.Advance();
        stage.ReleaseByWarp(thread);
    }

    /// <summary>Normalises and stores what the warpgroup has summed: 64 rows from the item's first on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(WgmmaAttentionArguments a, AttentionItem item)
    {
        CudaAsm.Emit("@@finish;");
        AttentionSizes s = a.Grid.Sizes;
        int left = s.Length - item.Row;
        long channels = 2L * s.Heads * s.Depth, output = ((long)item.Image * s.Length + item.Row) * channels + 2L * item.Head * s.Depth;
        CudaAsm.Emit("@@store %0, %1, %2;", a.Y + output, left, channels);
        CudaAsm.Emit("@@store_u %0, %1, %2;", a.YTangent + output, left, channels);
        CudaAsm.Emit("@@store_log %0, %1;", a.LogSumExp + 4L * (item.Pair * s.Length + item.Row), left);
    }

    /// <summary>How the producer copies the queries of a block, and when its values.</summary>
    private struct QueryTile
    {
        /// <summary>Chunks of the queries, and rows and channels from one to the next.</summary>
        public int Chunks, RowStep, ChannelStep;

        /// <summary>Rows of a block.</summary>
        public int MTile;

        /// <summary>Rows by which values come later than the keys of the same rows.</summary>
        public int Lag;
    }
}

using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>Device code that both kernels share: the producer's copies, the consumers' products, and their stores.</summary>
internal static partial class WgmmaAttention
{
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

    /// <summary>Runs the producer thread: for each m tile it copies the queries, then all tiles of keys and values.</summary>
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

    /// <summary>Starts the products of weights and the next tile of values, beginning at a byte offset: one group for each of the two tiles.</summary>
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

    /// <summary>Normalises and stores the warpgroup's sums of 64 rows, beginning at the item's first.</summary>
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

    /// <summary>How the producer copies the queries of a block, and how far values follow behind keys.</summary>
    private struct QueryTile
    {
        /// <summary>Chunks of the queries; rows and channels from one chunk to the next.</summary>
        public int Chunks, RowStep, ChannelStep;

        /// <summary>Rows of an m tile.</summary>
        public int MTile;

        /// <summary>Rows by which values are copied later than the keys of the same rows.</summary>
        public int Lag;
    }
}

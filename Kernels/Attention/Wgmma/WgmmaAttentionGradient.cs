using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Gradients of attention on Hopper's tensor cores, in two launches of one kernel: a block owns queries, streams keys and values and sums dQ; or owns
/// keys and values, streams queries and cotangents and sums dK and dV. Both recompute the weights (seven products instead of five), so that no atomic
/// additions are needed and the order of sums is fixed.
/// </summary>
/// <remarks>
/// A warpgroup's rows of the m tile are the left operands of both logits, P = exp(S - lse) and dP, transposed if the block owns keys. From these it
/// computes dS = P o (dP - delta) / sqrt(D) in registers, the left operand of the second products, whose right operands are again the n tile. While
/// those run, the next logits are computed, if registers suffice for both.
/// </remarks>
internal static class WgmmaAttentionGradient
{
    private const int NTile = WgmmaAttentionTile.NTile, ChunkBytes = WgmmaBlock.ChunkBytes, StatisticBytes = WgmmaAttentionGradientTile.StatisticBytes;

    /// <summary>The kernel.</summary>
    [PtxEntry]
    internal static void Accumulate(WgmmaAttentionGradientArguments a)
    {
        AttentionSizes s = a.Grid.Sizes;
        CudaAsm.Emit("@@declare %0;", s.Scale);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        // Taken from a lane of the warp, so that the assembler knows descriptors to be uniform.
        int warpgroup = Warp.Shuffle(Group.IdxX >> 7, 0), thread = Group.IdxX & 127;
        CopyPipeline m = default, n = default, saved = default;
        m.Start = shared;
        m.StageBytes = 2 * (a.MTile >> 6) * a.Chunks * ChunkBytes;
        n.Start = shared + m.StageBytes;
        n.StageBytes = a.Chunks * ChunkBytes;
        n.Stages = a.Stages;
        saved.Start = n.Start + a.Stages * n.StageBytes;
        saved.StageBytes = StatisticBytes;
        saved.Stages = (a.Stages + 1) >> 1;
        AttentionPipelines pipelines = AttentionPipelines.Start(m, n, saved.Start + a.OwnsKeys * saved.Stages * StatisticBytes);
        (m, n) = (pipelines.M, pipelines.N);
        if (warpgroup == 2)
        {
            CudaAsm.Emit("@@fewRegisters;");
            if (thread == 0)
                Produce(a, m, n, saved);
        }
        else
        {
            CudaAsm.Emit("@@manyRegisters;");
            bool shares = a.MTile == 64;
            int from = shares ? warpgroup * (a.Chunks >> 1) * ChunkBytes : 0, firstRow = shares ? 0 : 64 * warpgroup;
            long rows = WgmmaOperand.At(WgmmaOperand.AlongRows, m.Address + (firstRow >> 6) * a.Chunks * ChunkBytes), channels = 2L * s.Heads * s.Depth;
            int mine = 1 + warpgroup, other = 2 - warpgroup;
            if (warpgroup == 1)
                CudaAsm.Emit("@@passTurn %0;", other);
            for (int number = Grid.IdxX; number < a.Grid.Items; number += Grid.DimX)
            {
                AttentionItem item = AttentionItem.Of(a.Grid, number, a.MTile);
                item.Row += firstRow;
                m.WaitFull();
                m.Phase ^= 1;
                CudaAsm.Emit("@@begin %0;", a.Statistics + ((long)item.Pair * a.Padded + item.Row) * 2 * sizeof(float));
                CopyPipeline last = n;
                CudaAsm.Emit("@@awaitTurn %0;", mine);
                for (int first = 0; first < s.Length; first += NTile)
                {
                    CopyPipeline near = n;
                    near.WaitFull();
                    n.Advance();
                    CopyPipeline far = n;
                    far.WaitFull();
                    n.Advance();
                    // Values come before keys, queries before cotangents.
                    int scored = a.OwnsKeys != 0 ? near.Address : far.Address, weighed = a.OwnsKeys != 0 ? far.Address : near.Address;
                    CudaAsm.Emit("@@weights %0, %1;", WgmmaOperand.At(WgmmaOperand.AlongRows, scored), rows);
                    CudaAsm.Emit("@@gradients %0, %1;", WgmmaOperand.At(WgmmaOperand.AlongRows, weighed), rows);
                    CudaAsm.Emit("@@passTurn %0;", other);
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (first > 0)
                        Release(last, thread, a.OwnsKeys);
                    if (first + NTile > s.Length)
                        CudaAsm.Emit("@@mask %0;", s.Length - first);
                    CudaAsm.Emit("@@exponentials %0;", saved.Address);
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                    if (a.OwnsKeys == 0)
                        near.ReleaseByWarp(thread); // the values: only these products read them
                    if (first + NTile >= s.Length)
                        AsyncBarrier.ArriveFirst(m.EmptyBarrier, thread & 31);
                    CudaAsm.Emit("@@differences %0;", saved.Address);
                    CudaAsm.Emit("@@pack;");
                    CudaAsm.Emit("@@awaitTurn %0;", mine);
                    CudaAsm.Emit("@@outputs %0, %1;", WgmmaOperand.At(WgmmaOperand.AcrossRows, scored + from), WgmmaOperand.At(WgmmaOperand.AcrossRows, weighed + from));
                    CudaAsm.Emit("@@awaitOutputs;");
                    saved.Advance();
                    last = near;
                }

                CudaAsm.Emit("@@passTurn %0;", other);
                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(last, thread, a.OwnsKeys);
                long at = a.Dqkv + ((long)item.Image * s.Length + item.Row) * 3 * channels + 2L * item.Head * s.Depth;
                long outputs = at + 2 * a.OwnsKeys * channels, stride = 3 * channels;
                if (a.Add != 0)
                {
                    CudaAsm.Emit("@@add %0, %1, %2;", outputs, s.Length - item.Row, stride);
                    CudaAsm.Emit("@@add_u %0, %1, %2;", at + channels, s.Length - item.Row, stride);
                }
                else
                {
                    CudaAsm.Emit("@@store %0, %1, %2;", outputs, s.Length - item.Row, stride);
                    CudaAsm.Emit("@@store_u %0, %1, %2;", at + channels, s.Length - item.Row, stride);
                }
            }

            if (warpgroup == 0)
                CudaAsm.Emit("@@awaitTurn %0;", mine);
        }
    }

    /// <summary>Releases the stages of a step whose last products are done: the second and, if the block owns keys, also the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Release(CopyPipeline stage, int thread, int ownsKeys)
    {
        if (ownsKeys != 0)
            stage.ReleaseByWarp(thread);
        stage.Advance();
        stage.ReleaseByWarp(thread);
    }

    /// <summary>
    /// Runs the producer thread: it copies an m tile of Q and dO, or K and V, then all n tiles of V and K, or Q and dO. Values are released first, so
    /// they are copied first; otherwise three stages would not suffice.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Produce(WgmmaAttentionGradientArguments a, CopyPipeline m, CopyPipeline n, CopyPipeline saved)
    {
        AttentionSizes s = a.Grid.Sizes;
        // The first map holds queries, keys and values; the second holds cotangents, whose heads begin at 0.
        long mMap = a.OwnsKeys != 0 ? a.Maps : a.Maps + 128, nMap = a.OwnsKeys != 0 ? a.Maps + 128 : a.Maps;
        m.StartProducing();
        n.StartProducing();
        for (int number = Grid.IdxX; number < a.Grid.Items; number += Grid.DimX)
        {
            AttentionItem item = AttentionItem.Of(a.Grid, number, a.MTile);
            m.AcquireEmpty(m.StageBytes);
            m.Phase ^= 1;
            int target = m.Address;
            for (int part = 0; part < 2; part++)
            {
                int from = item.Head + a.OwnsKeys * (1 + part) * s.Heads;
                for (int row = 0; row < a.MTile; row += 64)
                    for (int chunk = 0; chunk < a.Chunks; chunk++)
                    {
                        var at = new ImageCoordinate { C = 64 * chunk, W = from, H = item.Row + row, N = item.Image };
                        TensorCopy.LoadImages(target, part == 0 ? a.Maps : mMap, at, m.FullBarrier);
                        target += ChunkBytes;
                    }
            }

            for (int first = 0; first < s.Length; first += NTile)
            {
                n.AcquireEmpty(n.StageBytes + a.OwnsKeys * StatisticBytes);
                if (a.OwnsKeys != 0)
                    CudaAsm.Emit(
                        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];", saved.Address,
                        a.Statistics + ((long)item.Pair * a.Padded + first) * 2 * sizeof(float), StatisticBytes, n.FullBarrier);
                Copy(n, a.Maps, a.Chunks, new ImageCoordinate { W = item.Head + (1 - a.OwnsKeys) * 2 * s.Heads, H = first, N = item.Image });
                n.Advance();
                n.AcquireEmpty(n.StageBytes);
                Copy(n, nMap, a.Chunks, new ImageCoordinate { W = item.Head + (1 - a.OwnsKeys) * s.Heads, H = first, N = item.Image });
                n.Advance();
                saved.Advance();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(CopyPipeline stage, long map, int chunks, ImageCoordinate at)
    {
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            at.C = 64 * chunk;
            TensorCopy.LoadImages(stage.Address + chunk * ChunkBytes, map, at, stage.FullBarrier);
        }
    }
}

using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Gradients of attention on Hopper's tensor cores, in two launches of one kernel: a block owns queries, streams keys and values and sums dQ;
/// or owns keys and values, streams queries and cotangents and sums dK and dV. Both recompute the weights, seven products in all where five
/// would do, which spares atomic additions: sums have one order.
/// </summary>
/// <remarks>
/// A warpgroup's own rows are left operands of both logits, P = exp(S - lse) and dP, transposed where keys are owned; from those it makes
/// dS = P o (dP - delta) / sqrt(D) in registers, the left operand of the second products, whose right operands are the streamed rows once more.
/// While those run the next logits are made, where there are registers for both.
/// </remarks>
internal static class WgmmaAttentionGradient
{
    private const int Streamed = WgmmaAttentionTile.Streamed, ChunkBytes = WgmmaBlock.ChunkBytes, StatisticBytes = AttentionGradientTile.StatisticBytes;

    /// <summary>The kernel.</summary>
    /// <param name="maps">Tensor maps of qkv and of the cotangent (channel, head, row, image), 128 bytes each.</param>
    /// <param name="statistics">Address of <see cref="Attention.StatisticsKernel"/>'s result.</param>
    /// <param name="dqkv">Address of the gradient of qkv.</param>
    /// <param name="length">Rows of a head.</param>
    /// <param name="padded">Rows of a head in <paramref name="statistics"/>.</param>
    /// <param name="heads">Heads of an image.</param>
    /// <param name="depth">Channels of a head.</param>
    /// <param name="tiles">Tiles of a head's rows.</param>
    /// <param name="items">Tiles of all heads.</param>
    /// <param name="ownRows">Rows of a tile, 64 or 128.</param>
    /// <param name="chunks">Chunks of a head's channels.</param>
    /// <param name="places">Places of the ring.</param>
    /// <param name="ownsKeys">1 for dK and dV, 0 for dQ.</param>
    /// <param name="scale">1 / sqrt(D).</param>
    /// <param name="add">1 to add to the gradient, 0 to overwrite it.</param>
    internal static void Accumulate(
        long maps, long statistics, long dqkv, int length, int padded, int heads, int depth, int tiles, int items, int ownRows, int chunks, int places,
        int ownsKeys, float scale, int add)
    {
        CudaAsm.Emit("@@declare %0;", scale);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int own);
        // From a lane of the warp, which tells the assembler that descriptors are uniform.
        int warpgroup = Warp.Shuffle(Group.IdxX >> 7, 0), lane = Group.IdxX & 127, partBytes = (ownRows >> 6) * chunks * ChunkBytes;
        int start = own + 2 * partBytes, saved = start + places * chunks * ChunkBytes, ready = saved + ownsKeys * ((places + 1) >> 1) * StatisticBytes;
        AttentionRing ring = AttentionRing.Of(start, chunks * ChunkBytes, places, ready);
        if (warpgroup == 2)
        {
            CudaAsm.Emit("@@fewRegisters;");
            if (lane == 0)
                Feed(ring, own, saved, ready, maps, statistics, length, padded, heads, tiles, items, ownRows, chunks, ownsKeys);
        }
        else
        {
            CudaAsm.Emit("@@manyRegisters;");
            bool shares = ownRows == 64;
            int parity = 0, slot = 0, from = shares ? warpgroup * (chunks >> 1) * ChunkBytes : 0, firstRow = shares ? 0 : 64 * warpgroup;
            long rows = WgmmaOperand.At(WgmmaAttention.AlongRows, own + (firstRow >> 6) * chunks * ChunkBytes), channels = 2L * heads * depth;
            int mine = 1 + warpgroup, other = 2 - warpgroup;
            if (warpgroup == 1)
                CudaAsm.Emit("@@passTurn %0;", other);
            for (int item = Grid.IdxX; item < items; item += Grid.DimX)
            {
                int pair = item / tiles, row = (item - pair * tiles) * ownRows + firstRow, image = pair / heads;
                AsyncBarrier.Wait(ready, parity);
                parity ^= 1;
                CudaAsm.Emit("@@begin %0;", statistics + ((long)pair * padded + row) * 2 * sizeof(float));
                AttentionRing last = ring;
                CudaAsm.Emit("@@awaitTurn %0;", mine);
                for (int first = 0; first < length; first += Streamed)
                {
                    AttentionRing one = ring;
                    int near = AttentionRing.Filled(ring);
                    ring = AttentionRing.Next(ring);
                    int far = AttentionRing.Filled(ring);
                    ring = AttentionRing.Next(ring);
                    // Values come before keys, queries before cotangents.
                    int scored = ownsKeys != 0 ? near : far, weighed = ownsKeys != 0 ? far : near;
                    CudaAsm.Emit("@@weights %0, %1;", WgmmaOperand.At(WgmmaAttention.AlongRows, scored), rows);
                    CudaAsm.Emit("@@gradients %0, %1;", WgmmaOperand.At(WgmmaAttention.AlongRows, weighed), rows);
                    CudaAsm.Emit("@@passTurn %0;", other);
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (first > 0)
                        Release(last, lane, ownsKeys);
                    if (first + Streamed > length)
                        CudaAsm.Emit("@@mask %0;", length - first);
                    CudaAsm.Emit("@@exponentials %0;", saved + slot * StatisticBytes);
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                    if (ownsKeys == 0)
                        AttentionRing.Release(one, lane); // values, which only these products read
                    if (first + Streamed >= length)
                        AsyncBarrier.ArriveFirst(ready + AsyncBarrier.Bytes, lane & 31);
                    CudaAsm.Emit("@@differences %0;", saved + slot * StatisticBytes);
                    CudaAsm.Emit("@@pack;");
                    CudaAsm.Emit("@@awaitTurn %0;", mine);
                    CudaAsm.Emit("@@outputs %0, %1;", WgmmaOperand.At(WgmmaAttention.AcrossRows, scored + from), WgmmaOperand.At(WgmmaAttention.AcrossRows, weighed + from));
                    CudaAsm.Emit("@@awaitOutputs;");
                    slot = CopyPipeline.Next(slot, (places + 1) >> 1);
                    last = one;
                }

                CudaAsm.Emit("@@passTurn %0;", other);
                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(last, lane, ownsKeys);
                long at = dqkv + ((long)image * length + row) * 3 * channels + 2L * (pair - image * heads) * depth;
                long outputs = at + 2 * ownsKeys * channels, stride = 3 * channels;
                if (add != 0)
                {
                    CudaAsm.Emit("@@add %0, %1, %2;", outputs, length - row, stride);
                    CudaAsm.Emit("@@add_u %0, %1, %2;", at + channels, length - row, stride);
                }
                else
                {
                    CudaAsm.Emit("@@store %0, %1, %2;", outputs, length - row, stride);
                    CudaAsm.Emit("@@store_u %0, %1, %2;", at + channels, length - row, stride);
                }
            }

            if (warpgroup == 0)
                CudaAsm.Emit("@@awaitTurn %0;", mine);
        }
    }

    /// <summary>The last products of a step are done: its second place is free, and where keys are owned also its first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Release(AttentionRing ring, int lane, int ownsKeys)
    {
        if (ownsKeys != 0)
            AttentionRing.Release(ring, lane);
        AttentionRing.Release(AttentionRing.Next(ring), lane);
    }

    /// <summary>
    /// The copying thread: own rows of a tile, Q and dO or K and V, then all streamed rows, V and K or Q and dO: values, which are
    /// given back first, come first, or three places would not do.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Feed(
        AttentionRing ring, int own, int saved, int ready, long maps, long statistics, int length, int padded, int heads, int tiles, int items, int ownRows, int chunks,
        int ownsKeys)
    {
        // Queries and keys are of the first map, and so are values; cotangents are of the second, whose heads begin at 0.
        long ownMap = ownsKeys != 0 ? maps : maps + 128, streamedMap = ownsKeys != 0 ? maps + 128 : maps;
        int parity = 1, slot = 0; // nothing has been filled yet: the first wait passes at once
        for (int item = Grid.IdxX; item < items; item += Grid.DimX)
        {
            int pair = item / tiles, row = (item - pair * tiles) * ownRows, image = pair / heads, head = pair - image * heads;
            AsyncBarrier.Wait(ready + AsyncBarrier.Bytes, parity);
            parity ^= 1;
            AsyncBarrier.Expect(ready, 2 * (ownRows >> 6) * chunks * ChunkBytes);
            int target = own;
            for (int part = 0; part < 2; part++)
            {
                int from = head + ownsKeys * (1 + part) * heads;
                for (int r = 0; r < ownRows; r += 64)
                    for (int chunk = 0; chunk < chunks; chunk++)
                    {
                        TensorCopy.LoadImages(target, part == 0 ? maps : ownMap, 64 * chunk, from, row + r, image, ready);
                        target += ChunkBytes;
                    }
            }

            for (int first = 0; first < length; first += Streamed)
            {
                int near = AttentionRing.Claim(ring, ownsKeys * StatisticBytes);
                if (ownsKeys != 0)
                    CudaAsm.Emit(
                        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];", saved + slot * StatisticBytes,
                        statistics + ((long)pair * padded + first) * 2 * sizeof(float), StatisticBytes, AttentionRing.Barrier(ring));
                Copy(ring, near, maps, chunks, head + (1 - ownsKeys) * 2 * heads, first, image);
                ring = AttentionRing.Next(ring);
                Copy(ring, AttentionRing.Claim(ring), streamedMap, chunks, head + (1 - ownsKeys) * heads, first, image);
                ring = AttentionRing.Next(ring);
                slot = CopyPipeline.Next(slot, (ring.Places + 1) >> 1);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(AttentionRing ring, int target, long map, int chunks, int head, int row, int image)
    {
        for (int chunk = 0; chunk < chunks; chunk++)
            TensorCopy.LoadImages(target + chunk * ChunkBytes, map, 64 * chunk, head, row, image, AttentionRing.Barrier(ring));
    }
}

using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Attention, and its tangent in the same pass, on Hopper's tensor cores. Blocks are persistent: a warpgroup copies queries, keys and
/// values ahead, across the border of tiles, while two multiply (as in arXiv:2407.08608, section 3). S and tS of a tile of 64 keys are sums
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
    /// <summary>Operands whose inner index is contiguous (queries, keys), eight rows 1024 bytes apart, with the 128-byte swizzle.</summary>
    internal const long AlongRows = (1L << 62) | (64L << 32) | (1L << 16);

    /// <summary>Operands whose inner index counts rows (values), chunks of 64 columns <see cref="WgmmaBlock.ChunkBytes"/> apart.</summary>
    internal const long AcrossRows = (1L << 62) | (64L << 32) | (512L << 16);

    private const int Streamed = WgmmaAttentionTile.Streamed, ChunkBytes = WgmmaBlock.ChunkBytes;

    /// <summary>
    /// For heads of one chunk: each multiplying warpgroup has rows of its own, whose queries it keeps in registers, and the products of weights and
    /// values of a tile run while the weights of the next are made.
    /// </summary>
    /// <param name="map">Tensor map (channel, head of queries, keys or values, row, image), tangents behind all images.</param>
    /// <param name="y">Address of the output.</param>
    /// <param name="yTangent">Address of its tangent.</param>
    /// <param name="logSumExp">Address of the log-sum-exp of each row.</param>
    /// <param name="length">Rows of a head.</param>
    /// <param name="heads">Heads of an image.</param>
    /// <param name="depth">Channels of a head.</param>
    /// <param name="images">Images of the primal.</param>
    /// <param name="tiles">Tiles of a head's rows.</param>
    /// <param name="items">Tiles of all heads.</param>
    /// <param name="places">Places of the ring.</param>
    /// <param name="chunks">Chunks of a head's channels.</param>
    /// <param name="tangent">1 if there is a tangent, otherwise 0.</param>
    /// <param name="scale">1 / sqrt(D).</param>
    internal static void OwnRows(
        long map, long y, long yTangent, long logSumExp, int length, int heads, int depth, int images, int tiles, int items, int places, int chunks, int tangent, float scale)
    {
        CudaAsm.Emit("@@declare %0;", scale);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int queries);
        // From a lane of the warp, which tells the assembler that descriptors are uniform.
        int warpgroup = Warp.Shuffle(Group.IdxX >> 7, 0), lane = Group.IdxX & 127, bytes = 2 * ChunkBytes * (1 + tangent);
        int ready = queries + bytes + places * chunks * ChunkBytes, taken = ready + AsyncBarrier.Bytes;
        AttentionRing ring = AttentionRing.Of(queries + bytes, chunks * ChunkBytes, places, ready);
        if (warpgroup == 2)
        {
            CudaAsm.Emit("@@fewRegisters;");
            if (lane == 0)
                Feed(ring, queries, ready, map, length, heads, images, tiles, items, tangent, chunks, 2, 64, 0, Streamed);
        }
        else
        {
            CudaAsm.Emit("@@manyRegisters;");
            int parity = 0, mine = 1 + warpgroup, other = 2 - warpgroup;
            if (warpgroup == 1)
                CudaAsm.Emit("@@passTurn %0;", other);
            for (int item = Grid.IdxX; item < items; item += Grid.DimX)
            {
                int pair = item / tiles, row = (item - pair * tiles) * 128 + 64 * warpgroup, image = pair / heads;
                AsyncBarrier.Wait(ready, parity);
                parity ^= 1;
                CudaAsm.Emit("@@begin %0;", queries + warpgroup * ChunkBytes);
                AsyncBarrier.ArriveFirst(taken, lane & 31);
                AttentionRing keys = ring;
                CudaAsm.Emit("@@awaitTurn %0;", mine);
                ring = Scores(ring, 0, tangent);
                CudaAsm.Emit("@@passTurn %0;", other);
                CudaAsm.Emit("@@awaitScores;");
                if (length < Streamed)
                    CudaAsm.Emit("@@mask %0;", length);
                CudaAsm.Emit("@@exponentials;");
                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(keys, lane, tangent);
                CudaAsm.Emit("@@centre %0;", scale / IntrinsicMath.Min(Streamed, length));
                CudaAsm.Emit("@@tangents;");
                CudaAsm.Emit("@@pack;");
                for (int first = Streamed; first < length; first += Streamed)
                {
                    keys = ring;
                    CudaAsm.Emit("@@awaitTurn %0;", mine);
                    ring = Scores(ring, 0, tangent);
                    AttentionRing values = ring;
                    ring = Outputs(ring, 0, tangent);
                    CudaAsm.Emit("@@passTurn %0;", other);
                    CudaAsm.Emit("@@awaitScoresBeforeOutputs;");
                    if (first + Streamed > length)
                        CudaAsm.Emit("@@mask %0;", length - first);
                    CudaAsm.Emit("@@exponentials;");
                    CudaAsm.Emit("@@awaitTangentsBeforeOutputs;");
                    Release(keys, lane, tangent);
                    CudaAsm.Emit("@@tangents;");
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                    Release(values, lane, tangent);
                    CudaAsm.Emit("@@rescale;");
                    CudaAsm.Emit("@@pack;");
                }

                AttentionRing last = ring;
                CudaAsm.Emit("@@awaitTurn %0;", mine);
                ring = Outputs(ring, 0, tangent);
                CudaAsm.Emit("@@passTurn %0;", other);
                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(last, lane, tangent);
                Finish(y, yTangent, logSumExp, pair, image, pair - image * heads, row, length, heads, depth);
            }

            if (warpgroup == 0)
                CudaAsm.Emit("@@awaitTurn %0;", mine);
        }
    }

    /// <summary>
    /// For heads of several chunks: both multiplying warpgroups have the same rows and each half of the channels. There are no registers for weights in use
    /// beside the next logits; while one warpgroup makes weights the other's products are at work.
    /// </summary>
    /// <inheritdoc cref="OwnRows" path="/param"/>
    internal static void SharedRows(
        long map, long y, long yTangent, long logSumExp, int length, int heads, int depth, int images, int tiles, int items, int places, int chunks, int tangent, float scale)
    {
        CudaAsm.Emit("@@declare %0;", scale);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int queries);
        // From a lane of the warp, which tells the assembler that descriptors are uniform.
        int warpgroup = Warp.Shuffle(Group.IdxX >> 7, 0), lane = Group.IdxX & 127, bytes = chunks * ChunkBytes * (1 + tangent);
        int ready = queries + bytes + places * chunks * ChunkBytes, taken = ready + AsyncBarrier.Bytes;
        AttentionRing ring = AttentionRing.Of(queries + bytes, chunks * ChunkBytes, places, ready);
        if (warpgroup == 2)
        {
            CudaAsm.Emit("@@fewRegisters;");
            if (lane == 0)
                Feed(ring, queries, ready, map, length, heads, images, tiles, items, tangent, chunks, chunks, 0, 64, 0);
        }
        else
        {
            CudaAsm.Emit("@@manyRegisters;");
            int parity = 0, half = warpgroup * (chunks >> 1);
            long own = WgmmaOperand.At(AlongRows, queries);
            for (int item = Grid.IdxX; item < items; item += Grid.DimX)
            {
                int pair = item / tiles, row = (item - pair * tiles) * 64, image = pair / heads;
                AsyncBarrier.Wait(ready, parity);
                parity ^= 1;
                CudaAsm.Emit("@@begin %0;", 0);
                for (int first = 0; first < length; first += Streamed)
                {
                    AttentionRing keys = ring;
                    ring = Scores(ring, own, tangent);
                    CudaAsm.Emit("@@awaitScores;");
                    if (first + Streamed > length)
                        CudaAsm.Emit("@@mask %0;", length - first);
                    CudaAsm.Emit("@@exponentials;");
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                    Release(keys, lane, tangent);
                    if (first + Streamed >= length)
                        AsyncBarrier.ArriveFirst(taken, lane & 31);
                    if (first == 0)
                        CudaAsm.Emit("@@centre %0;", scale / IntrinsicMath.Min(Streamed, length));
                    CudaAsm.Emit("@@tangents;");
                    CudaAsm.Emit("@@rescale;");
                    CudaAsm.Emit("@@pack;");
                    AttentionRing values = ring;
                    ring = Outputs(ring, half * ChunkBytes, tangent);
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                    Release(values, lane, tangent);
                }

                Finish(y, yTangent, logSumExp, pair, image, pair - image * heads, row, length, heads, depth);
            }
        }
    }

    /// <summary>
    /// The copying thread: for each tile of rows its queries, chunks that lie so many rows and channels apart, and then all tiles of keys
    /// and of values, which come so many rows later.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Feed(
        AttentionRing ring, int queries, int ready, long map, int length, int heads, int images, int tiles, int items, int tangent, int chunks,
        int queryChunks, int rowStep, int channelStep, int lag)
    {
        int parity = 1, rows = rowStep == 0 ? 64 : queryChunks * rowStep; // nothing has been filled yet: the first wait passes at once
        for (int item = Grid.IdxX; item < items; item += Grid.DimX)
        {
            int pair = item / tiles, row = (item - pair * tiles) * rows, image = pair / heads, head = pair - image * heads;
            AsyncBarrier.Wait(ready + AsyncBarrier.Bytes, parity);
            parity ^= 1;
            AsyncBarrier.Expect(ready, queryChunks * ChunkBytes * (1 + tangent));
            int target = queries;
            for (int part = 0; part <= tangent; part++)
                for (int i = 0; i < queryChunks; i++)
                {
                    TensorCopy.LoadImages(target, map, i * channelStep, head, row + i * rowStep, image + part * images, ready);
                    target += ChunkBytes;
                }

            for (int first = 0; first < length + lag; first += Streamed)
            {
                if (first < length)
                    ring = Copy(ring, map, chunks, heads + head, first, image, images, tangent);
                if (first >= lag)
                    ring = Copy(ring, map, chunks, 2 * heads + head, first - lag, image, images, tangent);
            }
        }
    }

    /// <summary>Starts the copies of a tile of keys or values, then of its tangent, each into a place of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionRing Copy(AttentionRing ring, long map, int chunks, int head, int row, int image, int images, int tangent)
    {
        for (int part = 0; part <= tangent; part++)
        {
            int target = AttentionRing.Claim(ring);
            for (int chunk = 0; chunk < chunks; chunk++)
                TensorCopy.LoadImages(target + chunk * ChunkBytes, map, 64 * chunk, head, row, image + part * images, AttentionRing.Barrier(ring));
            ring = AttentionRing.Next(ring);
        }

        return ring;
    }

    /// <summary>Starts the products of queries and the next tile of keys: a group for S and, with a tangent, two for tS.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionRing Scores(AttentionRing ring, long queries, int tangent)
    {
        CudaAsm.Emit("@@scores %0, %1;", WgmmaOperand.At(AlongRows, AttentionRing.Filled(ring)), queries);
        ring = AttentionRing.Next(ring);
        CudaAsm.Emit("@@tangentFilled %0, %1;", AttentionRing.Barrier(ring), ring.Phase);
        CudaAsm.Emit("@@scoresOfTangent %0, %1;", WgmmaOperand.At(AlongRows, AttentionRing.Address(ring)), queries);
        ring = AttentionRing.Next(ring, tangent);
        return ring;
    }

    /// <summary>Starts the products of weights and the next tile of values, from so many bytes on: a group for each of the two tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionRing Outputs(AttentionRing ring, int from, int tangent)
    {
        CudaAsm.Emit("@@outputs %0;", WgmmaOperand.At(AcrossRows, AttentionRing.Filled(ring) + from));
        ring = AttentionRing.Next(ring);
        CudaAsm.Emit("@@tangentFilled %0, %1;", AttentionRing.Barrier(ring), ring.Phase);
        CudaAsm.Emit("@@outputsOfTangent %0;", WgmmaOperand.At(AcrossRows, AttentionRing.Address(ring) + from));
        ring = AttentionRing.Next(ring, tangent);
        return ring;
    }

    /// <summary>Gives a tile's place back and its tangent's, if there is one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Release(AttentionRing ring, int lane, int tangent)
    {
        AttentionRing.Release(ring, lane);
        if (tangent != 0)
            AttentionRing.Release(AttentionRing.Next(ring), lane);
    }

    /// <summary>Normalises and stores what the warpgroup has summed: 64 rows from the given one on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(long y, long yTangent, long logSumExp, int pair, int image, int head, int row, int length, int heads, int depth)
    {
        CudaAsm.Emit("@@finish;");
        long channels = 2L * heads * depth, output = ((long)image * length + row) * channels + 2L * head * depth;
        CudaAsm.Emit("@@store %0, %1, %2;", y + output, length - row, channels);
        CudaAsm.Emit("@@store_u %0, %1, %2;", yTangent + output, length - row, channels);
        CudaAsm.Emit("@@store_log %0, %1;", logSumExp + 4L * (pair * length + row), length - row);
    }
}

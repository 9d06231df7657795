using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Attention, and its tangent in the same pass, on Hopper's tensor cores. Blocks are persistent: a producer warpgroup copies queries, keys and values
/// ahead, across the border of tiles, while two consumer warpgroups multiply (as in arXiv:2407.08608, section 3). S and tS of a tile of 64 keys are
/// sums in registers, and so are O and tO; weights are rounded to bf16 and are the left operand of the second product in registers.
/// </summary>
/// <remarks>
/// The formulas are those of <see cref="AttentionMmaPtx"/>, with one difference: a row's reference for exponents is replaced by its maximum only when
/// the maximum exceeds it by more than a factor of 256. Any reference gives the same result, and until then sums need not be rescaled. The logits of
/// primal and tangent are separate groups of products, so that exponentials are computed while the tangent's logits still run.
/// </remarks>
internal static partial class WgmmaAttention
{
    private const int NTile = WgmmaAttentionTile.NTile, ChunkBytes = WgmmaBlock.ChunkBytes;

    /// <summary>
    /// For heads of one chunk: each consumer warpgroup owns rows, whose queries it keeps in registers. The products of weights and values of a tile
    /// run while the weights of the next tile are computed.
    /// </summary>
    [PtxEntry]
    internal static void OwnRows(WgmmaAttentionArguments a)
    {
        CudaAsm.Emit("@@declare %0;", a.Grid.Sizes.Scale);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        // Taken from a lane of the warp, so that the assembler knows descriptors to be uniform.
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
    /// For heads of several chunks: both consumer warpgroups own the same rows, and each half of the channels. Registers do not suffice for weights
    /// in use beside the next logits; while one warpgroup computes weights, the products of the other run.
    /// </summary>
    [PtxEntry]
    internal static void SharedRows(WgmmaAttentionArguments a)
    {
        CudaAsm.Emit("@@declare %0;", a.Grid.Sizes.Scale);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        // Taken from a lane of the warp, so that the assembler knows descriptors to be uniform.
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
}

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// The pipeline of asynchronous copies: a ring of stages in shared memory that one producer thread fills by bulk copies and consumer
/// warps read. Each stage has a full barrier, at which its copies arrive, and an empty barrier, at which its readers do.
/// </summary>
/// <remarks>
/// Device code. The producer and each consumer walk the ring with a copy of their own, whose fields live in registers; a copy of the value
/// remembers a stage to release later. CUTLASS calls these <c>PipelineState</c> and <c>PipelineTmaAsync</c>.
/// </remarks>
public struct CopyPipeline
{
    /// <summary>Shared-memory address of the first stage, bytes of a stage, and number of stages.</summary>
    public int Start, StageBytes, Stages;

    /// <summary>Shared-memory addresses of the first stage's full barrier and of its empty barrier; those of further stages follow.</summary>
    public int FullBarriers, EmptyBarriers;

    /// <summary>The current stage, and the parity of the barrier phase to wait for.</summary>
    public int Stage, Phase;

    /// <summary>Shared-memory address of the current stage.</summary>
    public readonly int Address => Start + Stage * StageBytes;

    /// <summary>The barrier at which the current stage's copies arrive.</summary>
    public readonly int FullBarrier => FullBarriers + Stage * AsyncBarrier.Bytes;

    /// <summary>The barrier at which the current stage's readers arrive.</summary>
    public readonly int EmptyBarrier => EmptyBarriers + Stage * AsyncBarrier.Bytes;

    /// <summary>A pipeline at its first stage.</summary>
    /// <param name="start">Shared-memory address of the first stage.</param>
    /// <param name="stages">Number of stages.</param>
    /// <param name="stageBytes">Bytes of a stage.</param>
    /// <param name="barriers">Shared-memory address of the barriers, two for each stage.</param>
    public static CopyPipeline At(int start, int stages, int stageBytes, int barriers)
    {
        CopyPipeline pipeline;
        pipeline.Start = start;
        pipeline.StageBytes = stageBytes;
        pipeline.Stages = stages;
        pipeline.FullBarriers = barriers;
        pipeline.EmptyBarriers = barriers + stages * AsyncBarrier.Bytes;
        pipeline.Stage = 0;
        pipeline.Phase = 0;
        return pipeline;
    }

    /// <summary>Initialises the barriers of all stages; one thread of the block calls it, then <see cref="AsyncBarrier.FenceInitialisation"/>.</summary>
    /// <param name="arrivals">Arrivals that empty a stage: one for each warp, or for each warpgroup, that reads it.</param>
    /// <param name="producers">Threads that copy into a stage.</param>
    public readonly void Initialise(int arrivals, int producers = 1)
    {
        for (int i = 0; i < Stages; i++)
        {
            AsyncBarrier.Initialise(FullBarriers + i * AsyncBarrier.Bytes, producers);
            AsyncBarrier.Initialise(EmptyBarriers + i * AsyncBarrier.Bytes, arrivals);
        }
    }

    /// <summary>Makes this the producer's copy: every stage is empty at first, so its first waits for an empty stage pass at once.</summary>
    public void StartProducing() => Phase = 1;

    /// <summary>Producer: waits until the current stage is empty.</summary>
    public readonly void WaitEmpty() => AsyncBarrier.Wait(EmptyBarrier, Phase);

    /// <summary>Producer: waits until the current stage is empty, and makes its full barrier wait for <paramref name="bytes"/> bytes of copies.</summary>
    public readonly void AcquireEmpty(int bytes)
    {
        WaitEmpty();
        AsyncBarrier.Expect(FullBarrier, bytes);
    }

    /// <summary>Consumer: waits until the current stage's copies have arrived.</summary>
    public readonly void WaitFull() => AsyncBarrier.Wait(FullBarrier, Phase);

    /// <summary>
    /// Consumer: releases the current stage for its warp, which has read it. Each warp arrives for itself: its lanes' own loads are ordered before the arrival, which
    /// waiting for a warpgroup's products does not promise for the loads of the other warps.
    /// </summary>
    /// <param name="thread">Number of the thread in its warp or warpgroup.</param>
    public readonly void ReleaseByWarp(int thread)
    {
        AsyncBarrier.WarpSync();
        AsyncBarrier.ArriveFirst(EmptyBarrier, thread & 31);
    }

    /// <summary>Consumer: releases a stage that only its warpgroup's products read, once they have ended; the first thread arrives.</summary>
    /// <param name="emptyBarrier">The stage's <see cref="EmptyBarrier"/>.</param>
    /// <param name="thread">Number of the thread in its warpgroup.</param>
    public static void Release(int emptyBarrier, int thread) => AsyncBarrier.ArriveFirst(emptyBarrier, thread);

    /// <summary>Consumer: releases a stage in every block of a cluster, for copies that reach all blocks.</summary>
    /// <param name="emptyBarrier">The stage's <see cref="EmptyBarrier"/>.</param>
    /// <param name="thread">Number of the thread in its warpgroup.</param>
    /// <param name="cluster">Blocks of the cluster.</param>
    public static void Release(int emptyBarrier, int thread, int cluster)
    {
        if (cluster > 1)
            AsyncBarrier.ArriveEach(emptyBarrier, thread, cluster);
        else
            Release(emptyBarrier, thread);
    }

    /// <summary>Advances to the next stage.</summary>
    public void Advance() => Advance(1);

    /// <summary>Advances by 1 stage, or by 0.</summary>
    public void Advance(int step)
    {
        Stage += step;
        Phase ^= Stage == Stages ? 1 : 0;
        Stage = Stage == Stages ? 0 : Stage;
    }

    /// <summary>Index that follows an index of a ring.</summary>
    public static int Next(int place, int places) => place + 1 == places ? 0 : place + 1;
}

using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Device code: the two pipelines of a block on wgmma. The pipeline of the m tile has one stage, so that it only changes its phase; the pipeline of the n tiles
/// has as many as fit. Each of the eight consumer warps releases a stage for itself, since its lanes also read the stage by ordinary loads.
/// </summary>
internal struct AttentionPipelines
{
    /// <summary>The pipeline of the m tile and that of the n tiles.</summary>
    public CopyPipeline M, N;

    private const int Readers = 8;

    /// <summary>Lays out the pipelines in shared memory: the m tile, the stages of n tiles and the barriers. All threads call it.</summary>
    /// <param name="m">Address and bytes of the m tile.</param>
    /// <param name="n">Address, bytes and number of the stages of n tiles.</param>
    /// <param name="barriers">Address of the barriers.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionPipelines Start(CopyPipeline m, CopyPipeline n, int barriers)
    {
        m.Stages = 1;
        m.FullBarriers = barriers;
        m.EmptyBarriers = barriers + AsyncBarrier.Bytes;
        n.FullBarriers = barriers + 2 * AsyncBarrier.Bytes;
        n.EmptyBarriers = n.FullBarriers + n.Stages * AsyncBarrier.Bytes;
        if (Group.IdxX == 0)
        {
            m.Initialise(Readers);
            n.Initialise(Readers);
            AsyncBarrier.FenceInitialisation();
        }

        Group.Barrier();
        AttentionPipelines pipelines;
        pipelines.M = m;
        pipelines.N = n;
        return pipelines;
    }
}

using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// Device functions over barriers in shared memory (mbarrier, PTX ISA 8.0, section 9.7.12.15) that threads and bulk copies
/// arrive at. Addresses are 32-bit shared-memory addresses; a wait's phase is the parity of the phase that must have ended.
/// </summary>
internal static class AsyncBarrier
{
    /// <summary>Bytes of a barrier.</summary>
    public const int Bytes = 8;

    /// <summary>Makes a barrier whose phase ends after so many arrivals.</summary>
    public static void Initialise(int barrier, int arrivals) =>
        CudaAsm.Emit("mbarrier.init.shared::cta.b64 [%0], %1;", barrier, arrivals);

    /// <summary>Makes initialised barriers visible to copies and to the other blocks of a cluster.</summary>
    public static void FenceInitialisation() => CudaAsm.Emit("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async;");

    /// <summary>Waits until the phase of this parity has ended.</summary>
    public static void Wait(int barrier, int phase) => CudaAsm.Emit(
        "{\n\t.reg .pred done;\n\tWAIT:\n\tmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t@done bra READY;\n\tbra WAIT;\n\tREADY:\n\t}",
        barrier, phase);

    /// <summary>Arrives, and lets the phase also wait for so many bytes of copies.</summary>
    public static void Expect(int barrier, int bytes) =>
        CudaAsm.Emit("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;", barrier, bytes);

    /// <summary>The first thread (lane 0) arrives; the others pass by without a branch.</summary>
    public static void ArriveFirst(int barrier, int lane) => CudaAsm.Emit(
        "{\n\t.reg .pred first;\n\tsetp.eq.s32 first, %1, 0;\n\t@first mbarrier.arrive.shared::cta.b64 _, [%0];\n\t}", barrier, lane);

    /// <summary>Thread i arrives at the barrier of block i of the cluster, for i below its size.</summary>
    public static void ArriveEach(int barrier, int lane, int cluster) => CudaAsm.Emit(
        "{\n\t.reg .pred mine;\n\t.reg .b32 remote;\n\tsetp.lt.u32 mine, %1, %2;\n\t@mine mapa.shared::cluster.u32 remote, %0, %1;\n\t"
        + "@mine mbarrier.arrive.shared::cluster.b64 _, [remote];\n\t}",
        barrier, lane, cluster);

    /// <summary>The address by which threads of the cluster reach a place in a block's shared memory.</summary>
    public static int AddressIn(int block, int address)
    {
        CudaAsm.Emit("mapa.shared::cluster.u32 %0, %1, %2;", out int reached, address, block);
        return reached;
    }

    /// <summary>All threads of the cluster meet; what they wrote to each other's shared memory before is then there.</summary>
    public static void ClusterSync() => CudaAsm.Emit("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;");

    /// <summary>The threads of a warp meet: what they read and wrote before is ordered before what any of them does afterwards.</summary>
    public static void WarpSync() => CudaAsm.Emit("bar.warp.sync 0xffffffff;");

    /// <summary>128 threads meet at one of the block's sixteen barriers.</summary>
    public static void WarpgroupSync(int identifier) => CudaAsm.Emit("bar.sync %0, 128;", identifier);
}

using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// Device functions over barriers in shared memory (mbarrier, PTX ISA 8.0, section 9.7.12.15) that threads and bulk copies
/// arrive at, and over the barriers of a warp, a warpgroup and a cluster. They need sm_90.
/// </summary>
/// <remarks>Device code. Addresses are 32-bit shared-memory addresses. A phase is given by its parity: 0 for the first, 1 for the second, and so on in turn.</remarks>
public static class AsyncBarrier
{
    /// <summary>Size of a barrier in bytes, and its alignment.</summary>
    public const int Bytes = 8;

    /// <summary>Initialises a barrier; one thread calls it, then <see cref="FenceInitialisation"/>, before any thread arrives or waits.</summary>
    /// <param name="barrier">Shared-memory address of the barrier, a multiple of 8.</param>
    /// <param name="arrivals">Arrivals that end a phase; at least 1.</param>
    public static void Initialise(int barrier, int arrivals) =>
        CudaAsm.Emit("mbarrier.init.shared::cta.b64 [%0], %1;", barrier, arrivals);

    /// <summary>Makes initialised barriers visible to copies and to the other blocks of a cluster.</summary>
    public static void FenceInitialisation() => CudaAsm.Emit("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async;");

    /// <summary>Waits until a phase has ended.</summary>
    /// <param name="barrier">Shared-memory address of the barrier.</param>
    /// <param name="phase">Parity of the phase, 0 or 1.</param>
    public static void Wait(int barrier, int phase) => CudaAsm.Emit(
        "{\n\t.reg .pred done;\n\tWAIT:\n\tmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t@done bra READY;\n\tbra WAIT;\n\tREADY:\n\t}",
        barrier, phase);

    /// <summary>Arrives, and makes the current phase wait for the bytes of copies too.</summary>
    /// <param name="barrier">Shared-memory address of the barrier.</param>
    /// <param name="bytes">Bytes that the copies of this phase bring, outside of the tensor included.</param>
    public static void Expect(int barrier, int bytes) =>
        CudaAsm.Emit("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;", barrier, bytes);

    /// <summary>Arrives by thread 0 alone; the other threads do nothing, and do not branch.</summary>
    /// <param name="barrier">Shared-memory address of the barrier.</param>
    /// <param name="lane">Number of the calling thread in its warp or warpgroup.</param>
    public static void ArriveFirst(int barrier, int lane) => CudaAsm.Emit(
        "{\n\t.reg .pred first;\n\tsetp.eq.s32 first, %1, 0;\n\t@first mbarrier.arrive.shared::cta.b64 _, [%0];\n\t}", barrier, lane);

    /// <summary>Arrives by thread i at the barrier of block i of the cluster.</summary>
    /// <param name="barrier">Shared-memory address of the barrier, the same in every block.</param>
    /// <param name="lane">Number of the calling thread in its warp or warpgroup.</param>
    /// <param name="cluster">Blocks of the cluster; threads of this number and above do nothing.</param>
    public static void ArriveEach(int barrier, int lane, int cluster) => CudaAsm.Emit(
        "{\n\t.reg .pred mine;\n\t.reg .b32 remote;\n\tsetp.lt.u32 mine, %1, %2;\n\t@mine mapa.shared::cluster.u32 remote, %0, %1;\n\t"
        + "@mine mbarrier.arrive.shared::cluster.b64 _, [remote];\n\t}",
        barrier, lane, cluster);

    /// <summary>Returns the address by which threads of the cluster access an address in a block's shared memory.</summary>
    /// <param name="block">Number of the block in the cluster.</param>
    /// <param name="address">Shared-memory address within a block.</param>
    public static int AddressIn(int block, int address)
    {
        CudaAsm.Emit("mapa.shared::cluster.u32 %0, %1, %2;", out int reached, address, block);
        return reached;
    }

    /// <summary>Waits for all threads of the cluster; what they wrote to shared memory before, their own or another block's, is visible to all of them afterwards.</summary>
    public static void ClusterSync() => CudaAsm.Emit("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;");

    /// <summary>Waits for all threads of the warp; what they read and wrote before is ordered before what any of them does afterwards.</summary>
    public static void WarpSync() => CudaAsm.Emit("bar.warp.sync 0xffffffff;");

    /// <summary>Waits for 128 threads, which are whole warps, at one of the block's named barriers.</summary>
    /// <param name="identifier">Number of the barrier, 1 to 15; 0 is that of the whole block.</param>
    public static void WarpgroupSync(int identifier) => CudaAsm.Emit("bar.sync %0, 128;", identifier);
}

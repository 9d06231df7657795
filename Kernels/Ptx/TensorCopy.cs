using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>Device functions that start bulk tensor copies (PTX ISA 8.0, section 9.7.8.24) of boxes described by a tensor map; one thread calls them.</summary>
internal static class TensorCopy
{
    /// <summary>Brings a tensor map into the cache of the copy engine.</summary>
    public static void Prefetch(long map) => CudaAsm.Emit("prefetch.tensormap [%0];", map);

    /// <summary>Loads a box of an image tensor; its bytes arrive at the barrier.</summary>
    /// <param name="target">Shared-memory address.</param>
    /// <param name="map">Address of the tensor map.</param>
    /// <param name="at">Where the box begins.</param>
    /// <param name="barrier">Shared-memory address of the barrier.</param>
    public static void LoadImages(int target, long map, ImageCoordinate at, int barrier) => CudaAsm.Emit(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6];",
        target, map, at.C, at.W, at.H, at.N, barrier);

    /// <summary>The same with the box's beginning in numbers.</summary>
    public static void LoadImages(int target, long map, int c, int w, int h, int n, int barrier) => CudaAsm.Emit(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6];",
        target, map, c, w, h, n, barrier);

    /// <summary>Stores a box to (c, w, h, n) of an image tensor; what lies outside is not written.</summary>
    public static void StoreImages(long map, int source, int c, int w, int h, int n) => CudaAsm.Emit(
        "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];\n\tcp.async.bulk.commit_group;",
        map, source, c, w, h, n);

    /// <summary>Waits until all but the last store of this thread have read shared memory.</summary>
    public static void WaitForStoresButOne() => CudaAsm.Emit("cp.async.bulk.wait_group.read 1;");

    /// <summary>Waits until all stores of this thread are done.</summary>
    public static void WaitForStores() => CudaAsm.Emit("cp.async.bulk.wait_group 0;");

    /// <summary>Makes this thread's writes to shared memory visible to the copies.</summary>
    public static void FenceSharedWrites() => CudaAsm.Emit("fence.proxy.async.shared::cta;");
}

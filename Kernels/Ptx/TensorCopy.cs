using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// Device functions that start bulk tensor copies (PTX ISA 8.0, section 9.7.8.24) of the boxes that a tensor map
/// (<see cref="Engine.Ptx.TensorMap"/>, of four axes) describes; one thread calls them. They need sm_90.
/// </summary>
/// <remarks>Device code. Shared-memory addresses are 32 bits, multiples of 128; for a map in the 128-byte swizzle, of 1024.</remarks>
public static class TensorCopy
{
    /// <summary>Prefetches a tensor map into the cache of the copy engine.</summary>
    /// <param name="map">Address of the tensor map in global memory, a multiple of 64.</param>
    public static void Prefetch(long map) => CudaAsm.Emit("prefetch.tensormap [%0];", map);

    /// <summary>Starts to load a box of an image tensor (N, H, W, C); its bytes, those outside of the tensor included, arrive at the barrier.</summary>
    /// <param name="target">Shared-memory address that receives the box.</param>
    /// <param name="map">Address of the tensor map.</param>
    /// <param name="at">First element of the box.</param>
    /// <param name="barrier">Shared-memory address of the barrier.</param>
    public static void LoadImages(int target, long map, ImageCoordinate at, int barrier) => CudaAsm.Emit(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6];",
        target, map, at.C, at.W, at.H, at.N, barrier);

    /// <summary>Starts to store a box of an image tensor (N, H, W, C), as a group of its own; <see cref="FenceSharedWrites"/> must lie between the writes and the store.</summary>
    /// <param name="map">Address of the tensor map.</param>
    /// <param name="source">Shared-memory address of the box.</param>
    /// <param name="at">First element of the box.</param>
    public static void StoreImages(long map, int source, ImageCoordinate at) => CudaAsm.Emit(
        "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];\n\tcp.async.bulk.commit_group;",
        map, source, at.C, at.W, at.H, at.N);

    /// <summary>Waits until all stores of this thread but the last have read shared memory, which may then be overwritten.</summary>
    public static void WaitForStoresButOne() => CudaAsm.Emit("cp.async.bulk.wait_group.read 1;");

    /// <summary>Waits until all stores of this thread are in global memory.</summary>
    public static void WaitForStores() => CudaAsm.Emit("cp.async.bulk.wait_group 0;");

    /// <summary>Makes this thread's writes to shared memory visible to the copies.</summary>
    public static void FenceSharedWrites() => CudaAsm.Emit("fence.proxy.async.shared::cta;");
}

using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>
/// Descriptors for Hopper's bulk tensor copies: the memory layout of an array of up to five axes, bf16 or fp32, and the box of it that one copy
/// moves. Elements outside of the array are read as zeros and not written.
/// </summary>
/// <remarks>Boxes lie in shared memory in rows of 128 bytes, whose 16-byte chunks are permuted (the 128-byte swizzle).</remarks>
public static unsafe class TensorMap
{
    /// <summary>Size of a descriptor in bytes.</summary>
    public const int Bytes = 128;

    private const int Float32Type = 7, BFloat16Type = 9, NoInterleave = 0, Swizzle128 = 3, Promote256 = 3, FillZero = 0;

    /// <summary>Encodes a descriptor.</summary>
    /// <param name="target">Host memory that receives 128 bytes; aligned to 64.</param>
    /// <param name="address">Device address of the first element; a multiple of 16.</param>
    /// <param name="extents">Elements along each axis, fastest first.</param>
    /// <param name="strides">Elements between neighbours along each axis but the first; each a multiple of 16 bytes.</param>
    /// <param name="box">Elements of the box along each axis, at most 256; along the first at most 128 bytes.</param>
    /// <param name="type">Element type, <see cref="DType.BFloat16"/> or <see cref="DType.Float32"/>.</param>
    /// <exception cref="CudaDriverException">The driver refuses the descriptor; the message holds its numbers.</exception>
    public static void Encode(nint target, nint address, ReadOnlySpan<long> extents, ReadOnlySpan<long> strides, ReadOnlySpan<int> box, DType type = DType.BFloat16)
    {
        int rank = extents.Length;
        ulong* size = stackalloc ulong[rank];
        ulong* stride = stackalloc ulong[rank];
        uint* part = stackalloc uint[rank];
        uint* step = stackalloc uint[rank];
        for (int i = 0; i < rank; i++)
        {
            size[i] = (ulong)extents[i];
            part[i] = (uint)box[i];
            step[i] = 1;
            if (i > 0)
                stride[i - 1] = (type == DType.Float32 ? 4UL : 2UL) * (ulong)strides[i - 1];
        }

        int code = CudaDriver.TensorMapEncode(
            (byte*)target, type == DType.Float32 ? Float32Type : BFloat16Type, (uint)rank, address, size, stride, part, step, NoInterleave, Swizzle128, Promote256, FillZero);
        CudaDriver.Check(code, $"tensor map of ({string.Join(", ", extents.ToArray())}), strides ({string.Join(", ", strides.ToArray())}), box ({string.Join(", ", box.ToArray())}) at {address:X}");
    }
}

using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>The tensor maps of one launch in device memory, encoded at the first launch, when all tensors have addresses.</summary>
/// <remarks>
/// A path creates the object while it records a step, and calls <see cref="Encode"/> at the beginning of each launch: only then do the tensors have
/// addresses. The kernel gets <see cref="Address"/> as a <see cref="long"/>.
/// </remarks>
public sealed unsafe class TensorMaps
{
    private readonly int count;
    private readonly Tensor memory;
    private bool encoded;

    /// <summary>Allocates memory for the maps; it lives as long as the program that is being recorded or, outside of a recording, as the device.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="count">Number of maps; at least 1.</param>
    /// <exception cref="ArgumentException">The number of maps is not positive.</exception>
    public TensorMaps(GpuDevice gpu, int count)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        this.count = count;
        memory = gpu.CreateTensor(new Shape(count * TensorMap.Bytes / sizeof(int)), DType.Int32);
        gpu.Own(memory);
    }

    /// <summary>Device address of the first map, a multiple of 64; map i lies i times <see cref="TensorMap.Bytes"/> behind it.</summary>
    public long Address => memory.Address;

    /// <summary>Encodes the maps and copies them to the device, unless that has been done. The first call must not be captured into a graph.</summary>
    /// <param name="write">Encodes all maps (<see cref="TensorMap.Encode"/>) in host memory: map i at the given address plus i times <see cref="TensorMap.Bytes"/>.</param>
    public void Encode(Action<nint> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (encoded)
            return;
        nint host = (nint)NativeMemory.AlignedAlloc((nuint)(count * TensorMap.Bytes), TensorMap.Bytes);
        try
        {
            write(host);
            memory.Upload(new ReadOnlySpan<int>((void*)host, memory.Count));
        }
        finally
        {
            NativeMemory.AlignedFree((void*)host);
        }

        encoded = true;
    }
}

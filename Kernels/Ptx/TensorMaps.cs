using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>The tensor maps of one launch in device memory, encoded at the first launch, when all tensors have their place.</summary>
internal sealed unsafe class TensorMaps
{
    private readonly int count;
    private readonly Tensor memory;
    private bool encoded;

    /// <summary>Takes memory for so many maps, which lives as long as the program that is being recorded.</summary>
    public TensorMaps(GpuDevice gpu, int count)
    {
        this.count = count;
        memory = gpu.CreateTensor(new Shape(count * TensorMap.Bytes / sizeof(int)), DType.Int32);
        gpu.Own(memory);
    }

    /// <summary>Address of the first map.</summary>
    public long Address => memory.Address;

    /// <summary>Encodes the maps unless that has been done. Not while launches are captured: the maps are copied to the device.</summary>
    /// <param name="write">Encodes map i at the address it is given plus i times <see cref="TensorMap.Bytes"/>.</param>
    public void Encode(Action<nint> write)
    {
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

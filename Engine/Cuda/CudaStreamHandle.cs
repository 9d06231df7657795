using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Engine.Cuda;

/// <summary>Context and stream of a device, for direct calls of the driver: graphs, events and launches go through them.</summary>
public sealed class CudaStreamHandle
{
    private readonly Accelerator accelerator;
    private readonly AcceleratorStream stream;

    internal CudaStreamHandle(Accelerator accelerator, AcceleratorStream stream) => (this.accelerator, this.stream) = (accelerator, stream);

    /// <summary>Driver handle of the stream (CUstream).</summary>
    /// <exception cref="InvalidCastException">The accelerator is not an NVIDIA GPU.</exception>
    public nint Handle => ((CudaStream)stream).StreamPtr;

    /// <summary>Makes the device's context current on this thread.</summary>
    public void Bind() => accelerator.Bind();

    /// <summary>Waits until all launches on the stream have finished.</summary>
    public void Synchronize() => stream.Synchronize();
}

using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Engine.Cuda;

/// <summary>The context and the one stream of a device, which direct calls of the driver need: graphs, events and launches go through it.</summary>
public sealed class CudaStreamHandle
{
    private readonly Accelerator accelerator;
    private readonly AcceleratorStream stream;

    internal CudaStreamHandle(Accelerator accelerator, AcceleratorStream stream) => (this.accelerator, this.stream) = (accelerator, stream);

    /// <summary>The driver's handle of the stream.</summary>
    /// <exception cref="InvalidCastException">The accelerator is no NVIDIA GPU.</exception>
    public nint Handle => ((CudaStream)stream).StreamPtr;

    /// <summary>Makes the context this thread's.</summary>
    public void Bind() => accelerator.Bind();

    /// <summary>Waits until everything launched has finished.</summary>
    public void Synchronize() => stream.Synchronize();
}

using System.Collections.Concurrent;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>The kernels that <see cref="PtxKernel.Load"/> has loaded on a device.</summary>
internal sealed class PtxKernels : IDisposable
{
    /// <summary>The kernels by <see cref="PtxKernelSpec.Key"/>.</summary>
    public ConcurrentDictionary<string, PtxKernel> ByKey { get; } = [];

    /// <summary>Waits for the threads that compile, since these need the device's context.</summary>
    public void Dispose()
    {
        foreach (PtxKernel kernel in ByKey.Values)
            kernel.Settle();
    }
}

using System.Runtime.InteropServices;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine;

/// <summary>
/// Copies host values into one tensor again and again without waiting for the device: the host fills page-locked buffers in turn,
/// and the device copies from them when its stream gets there. Values may change as soon as <see cref="Write"/> returns.
/// </summary>
/// <remarks>
/// The host waits only if it is <see cref="Buffers"/> copies ahead of the device, which also keeps the queue of launches
/// short. On devices other than NVIDIA GPUs this is <see cref="Tensor.Upload"/>.
/// </remarks>
public sealed unsafe class PinnedUpload : IDisposable
{
    /// <summary>Number of buffers: one that the device reads, one that waits behind it, and one that the host fills.</summary>
    public const int Buffers = 3;

    private readonly Tensor target;
    private readonly GpuDevice? gpu;
    private readonly CudaMarks? copied;
    private readonly nint[] buffers;
    private int next;

    /// <summary>Allocates the buffers.</summary>
    /// <param name="target">A persistent tensor; must outlive this object.</param>
    /// <exception cref="ArgumentException">The tensor is transient.</exception>
    /// <exception cref="MemoryLimitException">The host has not as much memory that can be page-locked.</exception>
    /// <exception cref="CudaDriverException">The driver reports an error.</exception>
    public PinnedUpload(Tensor target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.Storage.Owner is not null)
            throw new ArgumentException($"{target} is transient: its memory belongs to a program");
        this.target = target;
        gpu = target.Device is GpuDevice { IsCuda: true } cuda ? cuda : null;
        buffers = new nint[gpu is null ? 0 : Buffers];
        if (gpu is null)
            return;
        copied = new CudaMarks(gpu.DriverStream, Buffers);
        try
        {
            for (int i = 0; i < Buffers; i++)
                buffers[i] = CudaDriver.AllocatePinned(target.ByteCount, $"a buffer for uploads to {target}");
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>Queues a copy of values into the tensor, after all earlier launches.</summary>
    /// <param name="values">All stored elements, primal first.</param>
    /// <exception cref="ArgumentException">The number of bytes is not that of the tensor.</exception>
    /// <exception cref="InvalidOperationException">T is not the tensor's element type (not checked on NVIDIA GPUs).</exception>
    /// <exception cref="ObjectDisposedException">The buffers or the tensor have been released.</exception>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Write<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (gpu is null)
        {
            target.Upload(values);
            return;
        }

        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        if (bytes.Length != target.ByteCount)
            throw new ArgumentException($"{target} takes {target.ByteCount} bytes, not {bytes.Length}");
        ObjectDisposedException.ThrowIf(buffers[next] == 0, this);
        gpu.Bind();
        copied!.Wait(next);
        bytes.CopyTo(new Span<byte>((void*)buffers[next], bytes.Length));
        lock (gpu.Gate)
        {
            CudaDriver.Check(
                CudaDriver.CopyToDevice((nint)target.Address, buffers[next], (nuint)bytes.Length, gpu.StreamHandle), "cuMemcpyHtoDAsync");
            copied.Record(next);
        }

        next = (next + 1) % Buffers;
    }

    /// <summary>Waits for the copies under way and releases the buffers.</summary>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Dispose()
    {
        if (gpu is null || buffers[0] == 0)
            return;
        gpu.Synchronize();
        Release();
    }

    private void Release()
    {
        gpu!.Bind();
        foreach (nint buffer in buffers)
            if (buffer != 0)
                CudaDriver.Check(CudaDriver.FreeHost(buffer), "cuMemFreeHost");
        Array.Clear(buffers);
        copied!.Dispose();
    }
}

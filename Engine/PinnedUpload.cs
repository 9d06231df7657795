using System.Runtime.InteropServices;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine;

/// <summary>
/// Copies host values into one tensor time and again without waiting for the device: through page-locked buffers, used in turn,
/// from which the device copies when its stream gets there. Values may change as soon as <see cref="Write"/> returns.
/// </summary>
/// <remarks>
/// The host waits only where it is <see cref="Buffers"/> copies ahead of the device, which also keeps the queue of launches
/// short. On other devices than NVIDIA GPUs this is <see cref="Tensor.Upload"/>.
/// </remarks>
public sealed unsafe class PinnedUpload : IDisposable
{
    /// <summary>Copies that may be under way: one that the device reads, one behind it, and one that the host fills.</summary>
    public const int Buffers = 3;

    private readonly Tensor target;
    private readonly GpuDevice? gpu;
    private readonly CudaMarks? copied;
    private readonly nint[] buffers;
    private int next;

    /// <summary>Allocates the buffers.</summary>
    /// <param name="target">A persistent tensor; must outlive the upload.</param>
    /// <exception cref="ArgumentException">The tensor is a program's transient one.</exception>
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
        for (int i = 0; i < Buffers; i++)
            CudaDriver.Check(CudaDriver.AllocateHost(out buffers[i], (nuint)target.ByteCount), "cuMemAllocHost");
    }

    /// <summary>Queues a copy of values into the tensor, behind what has been launched.</summary>
    /// <exception cref="ArgumentException">The number of elements differs.</exception>
    /// <exception cref="ObjectDisposedException">The buffers have been released.</exception>
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
        CudaDriver.Check(
            CudaDriver.CopyToDevice((nint)target.Address, buffers[next], (nuint)bytes.Length, gpu.StreamHandle), "cuMemcpyHtoDAsync");
        copied.Record(next);
        next = (next + 1) % Buffers;
    }

    /// <summary>Waits for the copies under way and releases the buffers.</summary>
    public void Dispose()
    {
        if (gpu is null || buffers[0] == 0)
            return;
        gpu.Synchronize();
        gpu.Bind();
        foreach (nint buffer in buffers)
            CudaDriver.Check(CudaDriver.FreeHost(buffer), "cuMemFreeHost");
        Array.Clear(buffers);
        copied!.Dispose();
    }
}

using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine;

/// <summary>
/// Copies one tensor's values to the host again and again, through a page-locked buffer that the device writes at the speed of the bus,
/// without an intermediate copy.
/// </summary>
/// <remarks>On devices other than NVIDIA GPUs this is <see cref="Tensor.Download"/>.</remarks>
public sealed unsafe class PinnedDownload : IDisposable
{
    private readonly Tensor source;
    private readonly GpuDevice? gpu;
    private readonly CudaMarks? copied;
    private readonly float[] values = [];
    private nint buffer;

    /// <summary>Allocates the buffer.</summary>
    /// <param name="source">A persistent fp32 tensor; must outlive this object.</param>
    /// <exception cref="ArgumentException">The tensor is transient or not fp32.</exception>
    /// <exception cref="MemoryLimitException">The host has not as much memory that can be page-locked.</exception>
    /// <exception cref="CudaDriverException">The driver reports an error.</exception>
    public PinnedDownload(Tensor source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Storage.Owner is not null)
            throw new ArgumentException($"{source} is transient: its memory belongs to a program");
        if (source.Type != DType.Float32)
            throw new ArgumentException($"{source} is not stored as {DType.Float32}");
        this.source = source;
        gpu = source.Device is GpuDevice { IsCuda: true } cuda ? cuda : null;
        if (gpu is null)
        {
            values = new float[source.StoredCount];
            return;
        }

        copied = new CudaMarks(gpu.DriverStream, 1);
        try
        {
            buffer = CudaDriver.AllocatePinned(source.ByteCount, $"a buffer for downloads of {source}");
        }
        catch
        {
            copied.Dispose();
            throw;
        }
    }

    /// <summary>Queues a copy of the values after all earlier launches.</summary>
    /// <exception cref="ObjectDisposedException">The buffer or the tensor has been released.</exception>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Start()
    {
        if (gpu is null)
        {
            source.Download<float>(values);
            return;
        }

        ObjectDisposedException.ThrowIf(buffer == 0, this);
        gpu.Bind();
        lock (gpu.Gate)
        {
            CudaDriver.Check(CudaDriver.CopyToHost(buffer, (nint)source.Address, (nuint)source.ByteCount, gpu.StreamHandle), "cuMemcpyDtoHAsync");
            copied!.Record(0);
        }
    }

    /// <summary>Waits for the copy that was queued last.</summary>
    /// <returns>The values, primal first; they stay until the next copy.</returns>
    /// <exception cref="ObjectDisposedException">The buffer has been released.</exception>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public ReadOnlySpan<float> Wait()
    {
        if (gpu is null)
            return values;
        ObjectDisposedException.ThrowIf(buffer == 0, this);
        copied!.Wait(0);
        return new ReadOnlySpan<float>((void*)buffer, (int)source.StoredCount);
    }

    /// <summary>Waits for a copy under way and releases the buffer.</summary>
    /// <exception cref="CudaDriverException">The driver reports an error, perhaps of an earlier launch.</exception>
    public void Dispose()
    {
        if (buffer == 0)
            return;
        gpu!.Synchronize();
        gpu.Bind();
        CudaDriver.Check(CudaDriver.FreeHost(buffer), "cuMemFreeHost");
        buffer = 0;
        copied!.Dispose();
    }
}

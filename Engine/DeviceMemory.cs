using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Engine;

/// <summary>A block of memory on a device; offsets and lengths are in bytes. Disposing it twice is safe.</summary>
internal abstract class DeviceMemory(long bytes) : IDisposable
{
    public long Bytes { get; } = bytes;

    public abstract void Fill(long offset, long bytes, byte value);

    public abstract void Write(long offset, ReadOnlySpan<byte> source);

    public abstract void Read(long offset, Span<byte> target);

    public abstract void Dispose();
}

/// <summary>Aligned host memory outside of the garbage collector's heap, so that its address never changes.</summary>
internal sealed unsafe class HostMemory : DeviceMemory
{
    private readonly Action<long> changed;
    private byte* start;

    public HostMemory(long bytes, string what, Action<long> changed)
        : base(bytes)
    {
        this.changed = changed;
        FreeHostMemory.Require(what, bytes);
        try
        {
            start = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, ComputeDevice.Alignment);
        }
        catch (OutOfMemoryException e)
        {
            throw new MemoryLimitException(what, bytes, FreeHostMemory.Bytes, "the host", e);
        }

        NativeMemory.Clear(start, (nuint)bytes);
        changed(bytes);
    }

    public byte* Start => start != null ? start : throw new ObjectDisposedException(nameof(HostMemory));

    public override void Fill(long offset, long bytes, byte value) => NativeMemory.Fill(Start + offset, (nuint)bytes, value);

    public override void Write(long offset, ReadOnlySpan<byte> source) => source.CopyTo(new Span<byte>(Start + offset, source.Length));

    public override void Read(long offset, Span<byte> target) => new ReadOnlySpan<byte>(Start + offset, target.Length).CopyTo(target);

    public override void Dispose()
    {
        if (start == null)
            return;
        NativeMemory.AlignedFree(start);
        start = null;
        changed(-Bytes);
    }
}

/// <summary>The memory of a program that is only recorded: it has a size and holds nothing. What is written, constants for example, is dropped.</summary>
internal sealed class NoMemory(long bytes) : DeviceMemory(bytes)
{
    public override void Fill(long offset, long bytes, byte value)
    {
    }

    public override void Write(long offset, ReadOnlySpan<byte> source)
    {
    }

    public override void Read(long offset, Span<byte> target) => throw new InvalidOperationException("the device only records programs: its tensors hold no values");

    public override void Dispose()
    {
    }
}

/// <summary>One ILGPU buffer; copies go through the device's stream, hence in order with the launches, from any thread.</summary>
internal sealed class AcceleratorMemory : DeviceMemory
{
    private readonly MemoryBuffer1D<byte, Stride1D.Dense> buffer;
    private readonly GpuDevice gpu;
    private readonly Action<long> changed;
    private bool disposed;

    public AcceleratorMemory(GpuDevice gpu, long bytes, string what, Action<long> changed)
        : base(bytes)
    {
        this.gpu = gpu;
        this.changed = changed;
        lock (gpu.Gate)
        {
            gpu.Bind();
            buffer = Allocate(gpu.Accelerator, bytes, what);
            buffer.MemSetToZero(gpu.Stream);
        }

        changed(bytes);
    }

    public ArrayView<byte> View => buffer.View;

    public long Address => buffer.NativePtr;

    public override void Fill(long offset, long bytes, byte value)
    {
        lock (gpu.Gate)
        {
            gpu.Bind();
            Part(offset, bytes).MemSet(gpu.Stream, value);
        }
    }

    public override void Write(long offset, ReadOnlySpan<byte> source)
    {
        lock (gpu.Gate)
        {
            gpu.Bind();
            Part(offset, source.Length).CopyFromCPU(gpu.Stream, source);
            gpu.Stream.Synchronize();
        }
    }

    public override void Read(long offset, Span<byte> target)
    {
        lock (gpu.Gate)
        {
            gpu.Bind();
            Part(offset, target.Length).CopyToCPU(gpu.Stream, target);
            gpu.Stream.Synchronize();
        }
    }

    public override void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        lock (gpu.Gate)
        {
            gpu.Bind();
            buffer.Dispose();
        }

        changed(-Bytes);
    }

    private static MemoryBuffer1D<byte, Stride1D.Dense> Allocate(Accelerator accelerator, long bytes, string what)
    {
        var gpu = accelerator as CudaAccelerator;
        if (gpu is null)
            FreeHostMemory.Require(what, bytes); // the simulator's memory is the host's
        try
        {
            return accelerator.Allocate1D<byte>(bytes);
        }
        catch (Exception e) when (e is OutOfMemoryException || (e is CudaException && e.Message.Contains("memory", StringComparison.OrdinalIgnoreCase)))
        {
            throw new MemoryLimitException(what, bytes, gpu?.GetFreeMemory() ?? FreeHostMemory.Bytes, accelerator.Name, e);
        }
    }

    private ArrayView<byte> Part(long offset, long bytes) => buffer.View.AsContiguous().SubView(offset, bytes);
}

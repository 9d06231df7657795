namespace TrigFlowNative.Engine;

/// <summary>
/// A device that holds tensors and runs programs: <see cref="CpuDevice"/> (managed, vectorised, threaded) or
/// <see cref="GpuDevice"/> (ILGPU on an NVIDIA GPU, or ILGPU's simulator for tests).
/// </summary>
public abstract class ComputeDevice : IDisposable
{
    /// <summary>Alignment of every storage in bytes, which suits cache lines on the host and coalesced access on a GPU.</summary>
    public const int Alignment = 256;

    /// <summary>Name as given on the command line: cpu, cuda or simulator.</summary>
    public abstract string Name { get; }

    /// <summary>Description of the hardware for people, such as a GPU's name and memory size.</summary>
    public abstract string Description { get; }

    /// <summary>Device memory that this object holds at present, in bytes.</summary>
    public abstract long AllocatedBytes { get; }

    /// <summary>Waits until all launches have finished.</summary>
    public abstract void Synchronize();

    /// <summary>Allocates zeroed memory.</summary>
    /// <param name="bytes">Number of bytes, at least 1.</param>
    /// <param name="what">What the memory is for, for the message of an exception.</param>
    /// <exception cref="MemoryLimitException">There is not as much memory.</exception>
    internal abstract DeviceMemory Allocate(long bytes, string what);

    /// <summary>Creates a persistent tensor of zeros, which the caller disposes of.</summary>
    /// <param name="shape">Extents.</param>
    /// <param name="type">Element type.</param>
    /// <exception cref="ArgumentException">The shape has 2^31 elements or more, or the type is unknown.</exception>
    /// <exception cref="MemoryLimitException">There is not as much memory.</exception>
    public Tensor CreateTensor(Shape shape, DType type = DType.Float32)
    {
        // The tensor comes first, because it refuses shapes for which nothing should be allocated.
        var storage = new Storage(shape.Count * type.SizeInBytes(), tailStart: null, owner: null);
        var tensor = new Tensor(this, storage, 0, shape, type, hasTangent: false);
        storage.Memory = Allocate(storage.Bytes, $"a tensor {tensor}");
        return tensor;
    }

    /// <summary>Creates a persistent fp32 tensor that holds the given values, which the caller disposes of.</summary>
    /// <param name="shape">Extents.</param>
    /// <param name="values">One value for each element, last axis fastest.</param>
    /// <exception cref="ArgumentException">The shape has 2^31 elements or more, or another number of elements than there are values.</exception>
    /// <exception cref="MemoryLimitException">There is not as much memory.</exception>
    public Tensor CreateTensor(Shape shape, ReadOnlySpan<float> values)
    {
        if (values.Length != shape.Count)
            throw new ArgumentException($"{shape} holds {shape.Count} elements, not {values.Length}");
        Tensor tensor = CreateTensor(shape);
        tensor.Upload(values);
        return tensor;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the accelerator, if there is one.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>Opens a device by name; auto takes a GPU if one works, otherwise the CPU.</summary>
    /// <param name="name">auto, cuda, cpu or simulator.</param>
    /// <param name="reason">With auto, why no GPU was taken; otherwise null.</param>
    /// <exception cref="DeviceUnavailableException">The device is unknown, does not exist or does not start.</exception>
    public static ComputeDevice Open(string name, out string? reason)
    {
        reason = null;
        switch (name)
        {
            case "cpu":
                return new CpuDevice();
            case "simulator":
                return GpuDevice.OpenSimulator();
            case "cuda":
                return GpuDevice.OpenCuda();
            case "auto":
                try
                {
                    return GpuDevice.OpenCuda();
                }
                catch (DeviceUnavailableException e)
                {
                    reason = e.Message;
                    return new CpuDevice();
                }

            default:
                throw new DeviceUnavailableException($"unknown device '{name}': expected auto, cuda, cpu or simulator");
        }
    }

    /// <inheritdoc cref="Open(string, out string?)"/>
    public static ComputeDevice Open(string name) => Open(name, out _);
}

/// <summary>The requested device does not exist or does not start; the message is one line with the reason.</summary>
public sealed class DeviceUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

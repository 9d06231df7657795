namespace TrigFlowNative.Engine;

/// <summary>
/// Where tensors live and programs run: <see cref="CpuDevice"/> (managed, vectorised, threaded) or
/// <see cref="GpuDevice"/> (ILGPU: an NVIDIA GPU, or ILGPU's simulator for tests).
/// </summary>
public abstract class ComputeDevice : IDisposable
{
    /// <summary>Byte alignment of every storage: a cache line on the host, a coalesced segment on a GPU.</summary>
    public const int Alignment = 256;

    /// <summary>Name as given on the command line: cpu, cuda or simulator.</summary>
    public abstract string Name { get; }

    /// <summary>The hardware in words.</summary>
    public abstract string Description { get; }

    /// <summary>Bytes of device memory this object holds at present.</summary>
    public abstract long AllocatedBytes { get; }

    /// <summary>Waits until everything launched has finished.</summary>
    public abstract void Synchronize();

    /// <summary>Allocates zeroed memory.</summary>
    internal abstract DeviceMemory Allocate(long bytes);

    /// <summary>Creates a tensor that lives until it or the device is disposed; zeroed.</summary>
    public Tensor CreateTensor(Shape shape, DType type = DType.Float32)
    {
        var storage = new Storage(shape.Count * type.Size(), tailStart: null, owner: null);
        storage.Memory = Allocate(storage.Bytes);
        return new Tensor(this, storage, 0, shape, type, hasTangent: false);
    }

    /// <summary>Creates a tensor that lives until it or the device is disposed, holding the given values.</summary>
    public Tensor CreateTensor(Shape shape, ReadOnlySpan<float> values)
    {
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

    /// <summary>Opens a device by name; auto takes a GPU if one works and says why not otherwise.</summary>
    /// <param name="name">auto, cuda, cpu or simulator.</param>
    /// <param name="reason">For auto, why no GPU was taken; otherwise null.</param>
    /// <exception cref="DeviceUnavailableException">The device asked for does not exist or does not start.</exception>
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
                throw new DeviceUnavailableException($"unknown device '{name}': auto, cuda, cpu or simulator");
        }
    }

    /// <inheritdoc cref="Open(string, out string?)"/>
    public static ComputeDevice Open(string name) => Open(name, out _);
}

/// <summary>The device asked for does not exist or does not start; the message is one line with the real reason.</summary>
public sealed class DeviceUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

using System.Collections.Concurrent;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine;

/// <summary>An ILGPU accelerator: an NVIDIA GPU, or ILGPU's simulator, which runs the same kernels on the host for tests.</summary>
public sealed class GpuDevice : ComputeDevice
{
    private readonly Context context;
    private readonly List<IDisposable> owned = [];
    private readonly ConcurrentDictionary<Type, IDisposable> attached = [];
    private long allocated;
    private TensorCorePath? tensorCores;

    private GpuDevice(Context context, Accelerator accelerator, string name, int reductionGroup)
    {
        this.context = context;
        Accelerator = accelerator;
        Name = name;
        ReductionGroup = reductionGroup;
        // Not the default stream: the legacy null stream cannot be captured into a graph.
        Stream = accelerator.CreateStream();
        DriverStream = new CudaStreamHandle(accelerator, Stream);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Description => $"{Accelerator.Name}, {Accelerator.MemorySize / (1L << 20)} MiB";

    /// <inheritdoc/>
    public override long AllocatedBytes => Interlocked.Read(ref allocated);

    /// <summary>The ILGPU accelerator, on which kernels are loaded.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>
    /// Held while a thread puts work on the stream, or adds a step to a program. Several threads may then run programs of their own: each sees its own work in
    /// order, and none of it gets into a graph that another thread captures.
    /// </summary>
    internal Lock Gate { get; } = new();

    /// <summary>The only stream of the device: all work is launched on it, in order.</summary>
    public AcceleratorStream Stream { get; }

    /// <summary>The stream for direct calls of the driver.</summary>
    public CudaStreamHandle DriverStream { get; }

    /// <summary>Whether this is an NVIDIA GPU, not the simulator.</summary>
    public bool IsCuda => Accelerator is CudaAccelerator;

    /// <summary>Whether the GPU is a Hopper (sm_90), which has wgmma and bulk tensor copies.</summary>
    public bool IsHopper => Accelerator is CudaAccelerator { Architecture: { Major: 9, Minor: 0 } };

    /// <summary>Instructions that multiply bf16 matrices: the fastest of the GPU, unless others are set before programs are recorded.</summary>
    /// <exception cref="DeviceUnavailableException">The GPU lacks the instructions that are set.</exception>
    public TensorCorePath TensorCores
    {
        get => tensorCores ?? (IsHopper ? TensorCorePath.Wgmma : IsCuda ? TensorCorePath.Mma : TensorCorePath.Portable);
        set
        {
            if ((value == TensorCorePath.Wgmma && !IsHopper) || (value == TensorCorePath.Mma && !IsCuda))
                throw new DeviceUnavailableException($"{Accelerator.Name} has no {value} instructions");
            tensorCores = value;
        }
    }

    /// <summary>Number of streaming multiprocessors.</summary>
    public int Multiprocessors => Accelerator.NumMultiprocessors;

    /// <summary>Maximum number of threads that a multiprocessor holds.</summary>
    public int ThreadsPerMultiprocessor => Accelerator.MaxNumThreadsPerMultiprocessor;

    /// <summary>Driver handle of <see cref="Stream"/>.</summary>
    internal nint StreamHandle => DriverStream.Handle;

    /// <summary>GPU, architecture and driver version as text: everything outside the program that compiled code depends on.</summary>
    internal string Identity => $"{Accelerator.Name}, {(Accelerator as CudaAccelerator)?.Architecture}, driver {CudaLibrary.DriverVersion()}";

    /// <summary>
    /// Threads in a group of a kernel that reduces over the group with barriers; a power of two, at most 256. The
    /// simulator uses few, since each of its threads is an operating system's thread and barriers are slow:
    /// such kernels stride by Group.DimX and never assume a size.
    /// </summary>
    public int ReductionGroup { get; }

    /// <summary>Opens the first NVIDIA GPU.</summary>
    /// <exception cref="DeviceUnavailableException">There is no driver or no GPU, or the GPU is older than sm_80.</exception>
    public static GpuDevice OpenCuda()
    {
        CudaLibrary.Resolve();
        if (CudaLibrary.WhyUnavailable() is { } reason)
            throw new DeviceUnavailableException($"no CUDA device: {reason}");
        Context context = Context.Create(builder => builder.Cuda().EnableAlgorithms().RoundToBf16InHardware().Optimize(OptimizationLevel.O2));
        try
        {
            if (context.GetCudaDevices().Count == 0)
                throw new DeviceUnavailableException("no CUDA device: the driver is there but ILGPU finds no usable GPU");
            CudaDevice device = context.GetCudaDevice(0);
            if (device.Architecture < CudaArchitecture.SM_80)
                throw new DeviceUnavailableException($"no CUDA device: {device.Name} is {device.Architecture}, sm_80 or newer is needed");
            return new GpuDevice(context, device.CreateAccelerator(context), "cuda", reductionGroup: 256);
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>Opens ILGPU's CPU accelerator with groups of at most 64 threads: slow, for tests of the portable kernels at tiny shapes.</summary>
    public static GpuDevice OpenSimulator()
    {
        Context context = Context.Create(builder =>
            builder.CPU(new CPUDevice(numThreadsPerWarp: 4, numWarpsPerMultiprocessor: 16, numMultiprocessors: 1))
                .EnableAlgorithms().Optimize(OptimizationLevel.O2));
        return new GpuDevice(context, context.CreateCPUAccelerator(0), "simulator", reductionGroup: 4);
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        lock (Gate) // waiting for a stream ends a capture on it
            Stream.Synchronize();
    }

    /// <summary>
    /// Takes over a resource that launches need beside tensors: the program that is being recorded disposes of it, or the device if none is.
    /// </summary>
    public void Own(IDisposable resource) => (Recording ?? owned).Add(resource);

    /// <summary>Resources of the program to which a step is being added; null outside of a recording.</summary>
    internal List<IDisposable>? Recording { get; set; }

    /// <summary>Makes the device's context current on this thread, as direct calls of the driver need.</summary>
    internal void Bind() => DriverStream.Bind();

    /// <summary>Returns the object of type T that another class attaches to this device; created at the first call, disposed before the device.</summary>
    internal T Attached<T>()
        where T : class, IDisposable, new() => (T)attached.GetOrAdd(typeof(T), _ => new T());

    internal override DeviceMemory Allocate(long bytes, string what) =>
        new AcceleratorMemory(this, bytes, what, change => Interlocked.Add(ref allocated, change));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        foreach (IDisposable each in attached.Values)
            each.Dispose();
        owned.ForEach(resource => resource.Dispose());
        Stream.Dispose();
        Accelerator.Dispose();
        context.Dispose();
    }
}

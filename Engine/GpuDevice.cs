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

    /// <summary>The accelerator on which kernels are loaded.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>The one stream on which everything is launched, in order.</summary>
    public AcceleratorStream Stream { get; }

    /// <summary>The same for direct calls of the driver.</summary>
    public CudaStreamHandle DriverStream { get; }

    /// <summary>Whether this is a GPU and not the simulator.</summary>
    public bool IsCuda => Accelerator is CudaAccelerator;

    /// <summary>Whether the GPU has Hopper's warpgroup products and bulk tensor copies (sm_90).</summary>
    public bool IsHopper => Accelerator is CudaAccelerator { Architecture: { Major: 9, Minor: 0 } };

    /// <summary>The instructions for products of bf16 matrices: the fastest that the GPU has, unless another is set before programs are recorded.</summary>
    /// <exception cref="DeviceUnavailableException">The GPU lacks the instructions.</exception>
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

    /// <summary>Threads that a multiprocessor can hold.</summary>
    public int ThreadsPerMultiprocessor => Accelerator.MaxNumThreadsPerMultiprocessor;

    /// <summary>The driver's handle of <see cref="Stream"/>.</summary>
    internal nint StreamHandle => DriverStream.Handle;

    /// <summary>GPU and driver in words: what compiled code depends on.</summary>
    internal string Identity => $"{Accelerator.Name}, {(Accelerator as CudaAccelerator)?.Architecture}, driver {CudaLibrary.DriverVersion()}";

    /// <summary>
    /// Threads in a group of a kernel that reduces over the group with barriers; a power of two, at most 256. The
    /// simulator gets few, since each of its threads is one of the operating system's and barriers cost accordingly:
    /// such kernels stride by Group.DimX and never assume a size.
    /// </summary>
    public int ReductionGroup { get; }

    /// <summary>The first NVIDIA GPU.</summary>
    /// <exception cref="DeviceUnavailableException">There is no driver, no GPU, or one older than sm_80.</exception>
    public static GpuDevice OpenCuda()
    {
        CudaLibrary.Resolve();
        if (CudaLibrary.WhyUnavailable() is { } reason)
            throw new DeviceUnavailableException($"no CUDA device: {reason}");
        Context context = Context.Create(builder => builder.Cuda().EnableAlgorithms().Optimize(OptimizationLevel.O2));
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

    /// <summary>ILGPU's CPU accelerator with groups of at most 64 threads: slow, for tests of the portable kernels at tiny shapes.</summary>
    public static GpuDevice OpenSimulator()
    {
        Context context = Context.Create(builder =>
            builder.CPU(new CPUDevice(numThreadsPerWarp: 4, numWarpsPerMultiprocessor: 16, numMultiprocessors: 1))
                .EnableAlgorithms().Optimize(OptimizationLevel.O2));
        return new GpuDevice(context, context.CreateCPUAccelerator(0), "simulator", reductionGroup: 4);
    }

    /// <inheritdoc/>
    public override void Synchronize() => Stream.Synchronize();

    /// <summary>
    /// Keeps what launches need beside tensors as long as the program that is being recorded; outside of a recording as long as the device.
    /// </summary>
    public void Own(IDisposable resource) => (Recording ?? owned).Add(resource);

    /// <summary>The resources of the program that a step is being added to.</summary>
    internal List<IDisposable>? Recording { get; set; }

    /// <summary>Makes the device's context this thread's, which direct calls of the driver need.</summary>
    internal void Bind() => DriverStream.Bind();

    /// <summary>What another class keeps for this device, one of each type: made at the first call, disposed of before the device.</summary>
    internal T Attached<T>()
        where T : class, IDisposable, new() => (T)attached.GetOrAdd(typeof(T), _ => new T());

    internal override DeviceMemory Allocate(long bytes) =>
        new AcceleratorMemory(Accelerator, Stream, bytes, change => Interlocked.Add(ref allocated, change));

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

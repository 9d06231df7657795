using System.Text;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>A kernel whose text <see cref="PtxSource"/> completed, loaded on a GPU and launched through the driver; launches can be captured into a graph.</summary>
/// <remarks>
/// A kernel takes one struct of numbers, which has the same layout in C# and in the text. Modules stay loaded until the device is disposed. The
/// driver compiles on other threads, several kernels at a time, while a program is recorded; the first launch waits for them.
/// </remarks>
public sealed unsafe class PtxKernel
{
    private const int MaxDynamicSharedBytes = 8, Registers = 4, LocalBytes = 3;
    private readonly Background<nint> function;
    private readonly GpuDevice gpu;
    private readonly int argumentBytes;
    private readonly Type? arguments;
    private readonly bool overlaps;

    private PtxKernel(GpuDevice gpu, PtxKernelSpec spec)
    {
        (this.gpu, Spec) = (gpu, spec);
        (string text, string entry) = spec.CompileKept(); // on this thread: ILGPU's output, hence the cache key, depends on the order of compilation
        function = new Background<nint>(() => Compile(gpu, spec, text, entry));
        arguments = spec.Method.GetParameters() is [var only] ? only.ParameterType : null;
        argumentBytes = PtxSource.ParameterBytes(text, entry);
        overlaps = PtxSource.OverlapsLaunches(spec.Architecture);
    }

    /// <summary>The specification of the kernel.</summary>
    public PtxKernelSpec Spec { get; }

    /// <summary>Registers of a thread.</summary>
    /// <exception cref="CudaDriverException">The driver refuses the text; the message holds its compiler's log.</exception>
    public int RegisterCount => Attribute(Registers);

    /// <summary>Local memory of a thread in bytes: spills and arrays.</summary>
    /// <exception cref="CudaDriverException">The driver refuses the text; the message holds its compiler's log.</exception>
    public int LocalMemoryBytes => Attribute(LocalBytes);

    /// <summary>Blocks that a multiprocessor can hold at a time, without regard to clusters.</summary>
    /// <exception cref="CudaDriverException">The driver refuses the text; the message holds its compiler's log.</exception>
    public int ResidentBlocks
    {
        get
        {
            gpu.Bind();
            CudaDriver.Check(CudaDriver.ResidentBlocks(out int blocks, function.Value, Spec.Threads, (nuint)Spec.SharedBytes), "cuOccupancyMaxActiveBlocksPerMultiprocessor");
            return blocks;
        }
    }

    /// <summary>Starts to load a kernel; each specification is compiled once on a device. The first launch throws if the driver refuses the text.</summary>
    /// <exception cref="ArgumentException">The method uses a macro that the specification lacks.</exception>
    /// <exception cref="ILGPU.InternalCompilerException">The method contains something that ILGPU cannot compile.</exception>
    public static PtxKernel Load(GpuDevice gpu, PtxKernelSpec spec)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        ArgumentNullException.ThrowIfNull(spec);
        PtxKernel kernel = gpu.Attached<PtxKernels>().ByKey.GetOrAdd(spec.Key, _ => new PtxKernel(gpu, spec));
        kernel.function.Start(); // outside of the factory: GetOrAdd may build two and discard one
        return kernel;
    }

    /// <summary>Whether a driver handle is this kernel's; false before the kernel is compiled, and if compilation failed.</summary>
    internal bool Has(nint handle) => function.TryGet(out nint own) && own == handle;

    /// <summary>Waits until no thread is compiling the kernel.</summary>
    internal void Settle() => function.Settle();

    /// <summary>Launches on the device's stream.</summary>
    /// <typeparam name="T">The struct that the kernel's method takes.</typeparam>
    /// <param name="blocks">Number of blocks in the grid; a multiple of the cluster's size.</param>
    /// <param name="arguments">The kernel's argument.</param>
    /// <exception cref="ArgumentException">
    /// The method takes a type other than <typeparamref name="T"/>, or the size of the type differs between the text and C#.
    /// </exception>
    /// <exception cref="CudaDriverException">The driver refuses the launch; or it refuses the text, and the message holds its compiler's log.</exception>
    public void Launch<T>(int blocks, in T arguments)
        where T : unmanaged
    {
        if (typeof(T) != this.arguments || sizeof(T) != argumentBytes)
            throw new ArgumentException($"{Spec.Method.Name} takes {this.arguments?.Name} of {argumentBytes} bytes, not {typeof(T).Name} of {sizeof(T)}");
        fixed (T* value = &arguments)
        {
            void* pointer = value;
            Launch(blocks, &pointer);
        }
    }

    private void Launch(int blocks, void** pointers)
    {
        CudaDriver.LaunchAttribute* attributes = stackalloc CudaDriver.LaunchAttribute[2];
        uint count = 0;
        if (Spec.Cluster > 1)
            attributes[count++] = new() { Identifier = CudaDriver.LaunchAttribute.ClusterDimension, X = (uint)Spec.Cluster, Y = 1, Z = 1 };
        if (overlaps)
            attributes[count++] = new() { Identifier = CudaDriver.LaunchAttribute.ProgrammaticSerialization, X = 1 };
        CudaDriver.LaunchConfiguration configuration = new()
        {
            GridX = (uint)blocks,
            GridY = 1,
            GridZ = 1,
            BlockX = (uint)Spec.Threads,
            BlockY = 1,
            BlockZ = 1,
            SharedBytes = (uint)Spec.SharedBytes,
            Stream = gpu.StreamHandle,
            Attributes = attributes,
            AttributeCount = count,
        };
        CudaDriver.Check(CudaDriver.LaunchKernel(&configuration, function.Value, pointers, null), $"launch of {Spec.Method.Name}");
    }

    private static nint Compile(GpuDevice gpu, PtxKernelSpec spec, string text, string entry)
    {
        byte[] image = spec.WholeProgram ? Encoding.ASCII.GetBytes(text + "\0") : CubinCache.Binary(gpu, spec.Method.Name, text);
        nint module, function;
        gpu.Bind();
        fixed (byte* start = image)
            CudaDriver.Check(CudaDriver.ModuleLoadData(out module, start), $"loading {spec.Method.Name}");
        CudaDriver.Check(CudaDriver.ModuleGetFunction(out function, module, entry), $"looking up {entry}");
        CudaDriver.Check(CudaDriver.FunctionSetAttribute(function, MaxDynamicSharedBytes, spec.SharedBytes), $"{spec.SharedBytes} bytes of shared memory for {spec.Method.Name}");
        return function;
    }

    private int Attribute(int attribute)
    {
        CudaDriver.Check(CudaDriver.FunctionGetAttribute(out int value, attribute, function.Value), "cuFuncGetAttribute");
        return value;
    }
}

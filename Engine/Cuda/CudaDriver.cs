using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine.Cuda;

/// <summary>Functions of NVIDIA's driver that ILGPU does not bind. Each returns an error code, which <see cref="Check"/> turns into an exception.</summary>
internal static unsafe partial class CudaDriver
{
    private const string Library = CudaLibrary.Library;

    private const int OutOfMemory = 2;

    /// <summary>Allocates page-locked memory of the host.</summary>
    /// <param name="bytes">Number of bytes.</param>
    /// <param name="what">What the memory is for, for the message of an exception.</param>
    /// <exception cref="MemoryLimitException">The host has not as much memory that can be page-locked.</exception>
    /// <exception cref="CudaDriverException">The driver reports another error.</exception>
    public static nint AllocatePinned(long bytes, string what)
    {
        int code = AllocateHost(out nint address, (nuint)bytes);
        if (code == OutOfMemory)
            throw new MemoryLimitException(what, bytes, FreeHostMemory.Bytes, "the host, page-locked");
        Check(code, "cuMemAllocHost");
        return address;
    }

    /// <summary>Throws unless the driver returned success.</summary>
    /// <param name="code">Result of the function.</param>
    /// <param name="what">The attempted action, for the message.</param>
    /// <param name="log">Log of the compiler, if there is one.</param>
    /// <exception cref="MemoryLimitException">The code says that the GPU's memory does not suffice.</exception>
    /// <exception cref="CudaDriverException">The code is another one than 0.</exception>
    public static void Check(int code, string what, string? log = null)
    {
        if (code == OutOfMemory)
            throw new MemoryLimitException($"the driver's {what}", 0, -1, "the GPU");
        if (code != 0)
            throw new CudaDriverException($"{what}: {CudaLibrary.Describe(code)}{(string.IsNullOrWhiteSpace(log) ? "" : "\n" + log)}");
    }

    [LibraryImport(Library, EntryPoint = "cuModuleLoadData")]
    public static partial int ModuleLoadData(out nint module, byte* image);

    [LibraryImport(Library, EntryPoint = "cuModuleUnload")]
    public static partial int ModuleUnload(nint module);

    [LibraryImport(Library, EntryPoint = "cuModuleGetFunction", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ModuleGetFunction(out nint function, nint module, string name);

    [LibraryImport(Library, EntryPoint = "cuLinkCreate_v2")]
    public static partial int LinkCreate(uint count, int* options, void** values, out nint state);

    [LibraryImport(Library, EntryPoint = "cuLinkAddData_v2", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int LinkAddData(nint state, int type, byte* data, nuint size, string name, uint count, int* options, void** values);

    [LibraryImport(Library, EntryPoint = "cuLinkComplete")]
    public static partial int LinkComplete(nint state, out byte* image, out nuint size);

    [LibraryImport(Library, EntryPoint = "cuLinkDestroy")]
    public static partial int LinkDestroy(nint state);

    [LibraryImport(Library, EntryPoint = "cuFuncSetAttribute")]
    public static partial int FunctionSetAttribute(nint function, int attribute, int value);

    [LibraryImport(Library, EntryPoint = "cuFuncGetAttribute")]
    public static partial int FunctionGetAttribute(out int value, int attribute, nint function);

    [LibraryImport(Library, EntryPoint = "cuOccupancyMaxActiveBlocksPerMultiprocessor")]
    public static partial int ResidentBlocks(out int blocks, nint function, int threads, nuint sharedBytes);

    [LibraryImport(Library, EntryPoint = "cuLaunchKernelEx")]
    public static partial int LaunchKernel(LaunchConfiguration* configuration, nint function, void** parameters, void** extra);

    [LibraryImport(Library, EntryPoint = "cuTensorMapEncodeTiled")]
    public static partial int TensorMapEncode(
        byte* map, int type, uint rank, nint address, ulong* extents, ulong* strides, uint* box, uint* steps, int interleave, int swizzle, int promotion, int fill);

    [LibraryImport(Library, EntryPoint = "cuStreamBeginCapture_v2")]
    public static partial int StreamBeginCapture(nint stream, int mode);

    [LibraryImport(Library, EntryPoint = "cuStreamEndCapture")]
    public static partial int StreamEndCapture(nint stream, out nint graph);

    [LibraryImport(Library, EntryPoint = "cuStreamIsCapturing")]
    public static partial int StreamIsCapturing(nint stream, out int status);

    [LibraryImport(Library, EntryPoint = "cuGraphInstantiateWithFlags")]
    public static partial int GraphInstantiate(out nint executable, nint graph, ulong flags);

    [LibraryImport(Library, EntryPoint = "cuGraphLaunch")]
    public static partial int GraphLaunch(nint executable, nint stream);

    [LibraryImport(Library, EntryPoint = "cuGraphGetNodes")]
    public static partial int GraphGetNodes(nint graph, nint* nodes, ref nuint count);

    [LibraryImport(Library, EntryPoint = "cuGraphNodeGetType")]
    public static partial int GraphNodeType(nint node, out int type);

    /// <summary>Needs a driver of CUDA 12.0 or newer.</summary>
    [LibraryImport(Library, EntryPoint = "cuGraphKernelNodeGetParams_v2")]
    public static partial int GraphKernelNode(nint node, out KernelNode parameters);

    /// <summary>Needs a driver of CUDA 12.3 or newer.</summary>
    [LibraryImport(Library, EntryPoint = "cuFuncGetName")]
    public static partial int FunctionName(out nint name, nint function);

    [LibraryImport(Library, EntryPoint = "cuGraphDestroy")]
    public static partial int GraphDestroy(nint graph);

    [LibraryImport(Library, EntryPoint = "cuGraphExecDestroy")]
    public static partial int GraphExecDestroy(nint executable);

    [LibraryImport(Library, EntryPoint = "cuProfilerStart")]
    public static partial int ProfilerStart();

    [LibraryImport(Library, EntryPoint = "cuProfilerStop")]
    public static partial int ProfilerStop();

    [LibraryImport(Library, EntryPoint = "cuEventCreate")]
    public static partial int EventCreate(out nint value, uint flags);

    [LibraryImport(Library, EntryPoint = "cuEventRecord")]
    public static partial int EventRecord(nint value, nint stream);

    [LibraryImport(Library, EntryPoint = "cuEventRecordWithFlags")]
    public static partial int EventRecordWithFlags(nint value, nint stream, uint flags);

    [LibraryImport(Library, EntryPoint = "cuEventSynchronize")]
    public static partial int EventSynchronize(nint value);

    [LibraryImport(Library, EntryPoint = "cuEventElapsedTime")]
    public static partial int EventElapsedTime(out float milliseconds, nint start, nint end);

    [LibraryImport(Library, EntryPoint = "cuEventDestroy_v2")]
    public static partial int EventDestroy(nint value);

    [LibraryImport(Library, EntryPoint = "cuMemAllocHost_v2")]
    private static partial int AllocateHost(out nint address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemFreeHost")]
    public static partial int FreeHost(nint address);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoDAsync_v2")]
    public static partial int CopyToDevice(nint target, nint source, nuint bytes, nint stream);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoHAsync_v2")]
    public static partial int CopyToHost(nint target, nint source, nuint bytes, nint stream);

    [LibraryImport(Library, EntryPoint = "cuMemsetD32Async")]
    public static partial int Fill32(nint target, uint value, nuint count, nint stream);

    /// <summary>CUDA_KERNEL_NODE_PARAMS_v2: a launch as a graph holds it. The arguments and the context, which follow, are not needed here.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 72)]
    public struct KernelNode
    {
        public nint Function;
        public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
    }

    /// <summary>CUlaunchConfig.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct LaunchConfiguration
    {
        public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
        public nint Stream;
        public LaunchAttribute* Attributes;
        public uint AttributeCount;
    }

    /// <summary>CUlaunchAttribute: an identifier and 64 bytes, the first twelve of which hold a cluster's extents.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 72)]
    public struct LaunchAttribute
    {
        public const int ClusterDimension = 4, ProgrammaticSerialization = 6;
        public int Identifier;
        private readonly int padding;
        public uint X, Y, Z;
    }
}

/// <summary>The NVIDIA driver reported an error; the message names the attempted action and the error.</summary>
public sealed class CudaDriverException(string message) : Exception(message);

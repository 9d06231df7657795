using System.Runtime.InteropServices;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>A kernel that an action launches, either a <see cref="PtxKernel"/> or one compiled by ILGPU, and its use of a multiprocessor as the driver states it.</summary>
/// <param name="Name">Method and variant of a <see cref="PtxKernel"/>; method of a kernel compiled by ILGPU.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="LocalBytes">Local memory of a thread in bytes: spills and arrays.</param>
/// <param name="SharedBytes">Shared memory of a block in bytes, static and dynamic.</param>
/// <param name="ResidentBlocks">Blocks that a multiprocessor can hold at a time, without regard to clusters.</param>
internal sealed unsafe record CapturedKernel(string Name, int Threads, int Registers, int LocalBytes, int SharedBytes, int ResidentBlocks)
{
    private const int KernelNode = 0; // CU_GRAPH_NODE_TYPE_KERNEL
    private const int StaticShared = 1, Local = 3, RegisterCount = 4; // CUfunction_attribute

    /// <summary>Lists the kernels that an action launches, in order. The launches are captured, not run, so the kernels must be loaded already.</summary>
    /// <exception cref="CudaDriverException">The action contains something that cannot be captured.</exception>
    /// <exception cref="EntryPointNotFoundException">The driver is older than CUDA 12.3.</exception>
    public static IReadOnlyList<CapturedKernel> Of(GpuDevice gpu, Action launches)
    {
        nint graph = CudaGraph.Capture(gpu.DriverStream, launches);
        try
        {
            (nint Function, int Threads, int Shared)[] launched =
                [.. Nodes(graph).Where(IsKernel).Select(Parameters).Select(node => (node.Function, (int)(node.BlockX * node.BlockY * node.BlockZ), (int)node.SharedBytes))];
            var described = launched.Distinct().ToDictionary(each => each, each => Describe(gpu, each.Function, each.Threads, each.Shared));
            return [.. launched.Select(each => described[each])];
        }
        finally
        {
            CudaDriver.Check(CudaDriver.GraphDestroy(graph), "cuGraphDestroy");
        }
    }

    /// <summary>Extracts the method's name from the name of an entry: ILGPU puts a word before it and a number after it.</summary>
    internal static string MethodOf(string entry)
    {
        string[] words = entry.Split('_');
        int first = words is ["Kernel", _, ..] ? 1 : 0, end = words.Length > first + 1 && words[^1].All(char.IsAsciiDigit) ? words.Length - 1 : words.Length;
        return string.Join('_', words[first..end]);
    }

    private static nint[] Nodes(nint graph)
    {
        nuint count = 0;
        CudaDriver.Check(CudaDriver.GraphGetNodes(graph, null, ref count), "cuGraphGetNodes");
        nint[] nodes = new nint[(int)count];
        fixed (nint* first = nodes)
            CudaDriver.Check(CudaDriver.GraphGetNodes(graph, first, ref count), "cuGraphGetNodes");
        return nodes;
    }

    private static bool IsKernel(nint node)
    {
        CudaDriver.Check(CudaDriver.GraphNodeType(node, out int type), "cuGraphNodeGetType");
        return type == KernelNode;
    }

    private static CudaDriver.KernelNode Parameters(nint node)
    {
        CudaDriver.Check(CudaDriver.GraphKernelNode(node, out CudaDriver.KernelNode parameters), "cuGraphKernelNodeGetParams");
        return parameters;
    }

    private static CapturedKernel Describe(GpuDevice gpu, nint function, int threads, int shared)
    {
        CudaDriver.Check(CudaDriver.ResidentBlocks(out int blocks, function, threads, (nuint)shared), "cuOccupancyMaxActiveBlocksPerMultiprocessor");
        return new CapturedKernel(
            NameOf(gpu, function), threads, Attribute(function, RegisterCount), Attribute(function, Local), shared + Attribute(function, StaticShared), blocks);
    }

    private static string NameOf(GpuDevice gpu, nint function)
    {
        if (gpu.Attached<PtxKernels>().ByKey.Values.FirstOrDefault(kernel => kernel.Has(function)) is { Spec: var spec })
            return spec.Variant.Length > 0 ? $"{spec.Method.Name} {spec.Variant}" : spec.Method.Name;
        CudaDriver.Check(CudaDriver.FunctionName(out nint name, function), "cuFuncGetName");
        return MethodOf(Marshal.PtrToStringUTF8(name) ?? "");
    }

    private static int Attribute(nint function, int attribute)
    {
        CudaDriver.Check(CudaDriver.FunctionGetAttribute(out int value, attribute, function), "cuFuncGetAttribute");
        return value;
    }
}

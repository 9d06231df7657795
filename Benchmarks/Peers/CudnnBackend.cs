using System.Runtime.InteropServices;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>
/// cuDNN's backend interface (cudnn_graph.h): descriptors of several types are created, given attributes and finalized. They live until
/// <see cref="Release"/>.
/// </summary>
internal sealed unsafe class CudnnBackend
{
    /// <summary>Types of descriptors, cudnnBackendDescriptorType_t.</summary>
    public const int Convolution = 1, EngineConfiguration = 3, EngineHeuristics = 4, ExecutionPlan = 5, OperationGraph = 15, VariantPack = 16, TensorOf = 17;

    /// <summary>Types of attributes, cudnnBackendAttributeType_t.</summary>
    public const int Handle = 0, DataType = 1, Int64 = 3, Single = 4, Pointer = 6, ConvolutionMode = 7, HeuristicsMode = 8, Descriptor = 15;

    private readonly delegate* unmanaged<int, nint*, int> create;
    private readonly delegate* unmanaged<nint, int, int, long, void*, int> set;
    private readonly delegate* unmanaged<nint, int, int, long, long*, void*, int> get;
    private readonly delegate* unmanaged<nint, int> finalize, destroy;
    private readonly delegate* unmanaged<nint, nint, nint, int> execute;
    private readonly List<nint> descriptors = [];

    /// <param name="library">The library's handle.</param>
    public CudnnBackend(nint library)
    {
        create = (delegate* unmanaged<int, nint*, int>)NativeLibrary.GetExport(library, "cudnnBackendCreateDescriptor");
        set = (delegate* unmanaged<nint, int, int, long, void*, int>)NativeLibrary.GetExport(library, "cudnnBackendSetAttribute");
        get = (delegate* unmanaged<nint, int, int, long, long*, void*, int>)NativeLibrary.GetExport(library, "cudnnBackendGetAttribute");
        finalize = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cudnnBackendFinalize");
        destroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cudnnBackendDestroyDescriptor");
        execute = (delegate* unmanaged<nint, nint, nint, int>)NativeLibrary.GetExport(library, "cudnnBackendExecute");
    }

    /// <summary>Creates a descriptor without attributes.</summary>
    public nint Create(int type)
    {
        nint descriptor;
        Check(create(type, &descriptor), $"cudnnBackendCreateDescriptor({type})");
        descriptors.Add(descriptor);
        return descriptor;
    }

    /// <summary>Sets an attribute of a descriptor.</summary>
    public void Set<T>(nint descriptor, int attribute, int type, params ReadOnlySpan<T> values)
        where T : unmanaged
    {
        fixed (T* first = values)
            Check(set(descriptor, attribute, type, values.Length, first), $"cudnnBackendSetAttribute({attribute})");
    }

    /// <summary>Finalizes a descriptor.</summary>
    /// <exception cref="InvalidOperationException">The library does not support the descriptor.</exception>
    public void Finish(nint descriptor, string what) => Check(finalize(descriptor), $"cudnnBackendFinalize({what})");

    /// <summary>Finalizes a descriptor; false if the library does not support it.</summary>
    public bool TryFinish(nint descriptor) => finalize(descriptor) == 0;

    /// <summary>Reads an attribute that is a number.</summary>
    public long Number(nint descriptor, int attribute)
    {
        long value = 0, count;
        Check(get(descriptor, attribute, Int64, 1, &count, &value), $"cudnnBackendGetAttribute({attribute})");
        return value;
    }

    /// <summary>Reads the first entries of an attribute that is a list of descriptors.</summary>
    public nint[] Descriptors(nint descriptor, int attribute, int type, int max)
    {
        nint[] found = new nint[max];
        for (int i = 0; i < max; i++)
            found[i] = Create(type);
        long count;
        fixed (nint* first = found)
            Check(get(descriptor, attribute, Descriptor, max, &count, first), $"cudnnBackendGetAttribute({attribute})");
        return found[..(int)Math.Min(count, max)];
    }

    /// <summary>Launches a plan on the stream of the library's handle.</summary>
    public void Execute(nint handle, nint plan, nint pack) => Check(execute(handle, plan, pack), "cudnnBackendExecute");

    /// <summary>Destroys all descriptors, the last one first.</summary>
    public void Release()
    {
        for (int i = descriptors.Count - 1; i >= 0; i--)
            _ = destroy(descriptors[i]);
        descriptors.Clear();
    }

    private static void Check(int code, string what)
    {
        if (code != 0)
            throw new InvalidOperationException($"{what} returned {code}");
    }
}

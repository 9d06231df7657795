using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;

namespace TrigFlowNative.Engine;

/// <summary>
/// A dense array on a device, channels last. A dual tensor stores its primal and behind it, in the same buffer, a
/// tangent of the same shape, so that a linear op runs once over both. <see cref="Shape"/> is always the primal's.
/// </summary>
public sealed class Tensor : IDisposable
{
    private readonly long offset;

    internal Tensor(ComputeDevice device, Storage storage, long offset, Shape shape, DType type, bool hasTangent)
    {
        Device = device;
        Storage = storage;
        this.offset = offset;
        Shape = shape;
        Type = type;
        HasTangent = hasTangent;
        if (StoredCount > int.MaxValue)
            throw new TensorLimitException($"{shape}: a tensor holds fewer than 2^31 elements, so that kernels index with 32 bits");
        if (offset < 0 || offset + ByteCount > storage.Bytes)
            throw new ArgumentException($"{shape} at byte {offset} does not fit a storage of {storage.Bytes} bytes");
    }

    /// <summary>The device that holds the tensor.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Extents of the primal.</summary>
    public Shape Shape { get; }

    /// <summary>Element type in storage.</summary>
    public DType Type { get; }

    /// <summary>Whether a tangent follows the primal.</summary>
    public bool HasTangent { get; }

    /// <summary>Number of elements of the primal.</summary>
    public int Count => (int)Shape.Count;

    /// <summary>Number of elements stored: twice <see cref="Count"/> for a dual tensor.</summary>
    public long StoredCount => HasTangent ? 2 * Shape.Count : Shape.Count;

    /// <summary>First extent stored: N, or 2 N for a dual tensor. A linear op runs over this many images.</summary>
    public int StoredN => HasTangent ? 2 * Shape.N : Shape.N;

    /// <summary>The primal alone; a tensor without a tangent is its own primal.</summary>
    public Tensor Primal => HasTangent ? new Tensor(Device, Storage, offset, Shape, Type, false) : this;

    /// <summary>The tangent alone, as a tensor without a tangent.</summary>
    /// <exception cref="InvalidOperationException">The tensor has no tangent.</exception>
    public Tensor Tangent => HasTangent
        ? new Tensor(Device, Storage, offset + Shape.Count * Type.SizeInBytes(), Shape, Type, false)
        : throw new InvalidOperationException($"{Shape}: the tensor carries no tangent");

    /// <summary>All stored elements of an fp32 tensor on a GPU: the primal, then the tangent if there is one.</summary>
    /// <exception cref="InvalidOperationException">As for <see cref="ViewOf"/>.</exception>
    public ArrayView<float> View => ViewOf<float>();

    /// <summary>All stored elements of an fp32 tensor on the host: the primal, then the tangent if there is one.</summary>
    /// <exception cref="InvalidOperationException">As for <see cref="SpanOf"/>.</exception>
    /// <exception cref="ObjectDisposedException">The memory has been released.</exception>
    public Span<float> Span => SpanOf<float>();

    /// <summary>Address of the first element of an fp32 tensor on the host, for loops that run on several threads.</summary>
    /// <exception cref="InvalidOperationException">As for <see cref="SpanOf"/>.</exception>
    /// <exception cref="ObjectDisposedException">The memory has been released.</exception>
    public unsafe float* Pointer => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Span));

    /// <summary>Address of the first element on a GPU, for kernels with inline PTX.</summary>
    /// <exception cref="InvalidOperationException">
    /// The tensor is in host memory, its program is not compiled, or the running step of a checked program did not declare it.
    /// </exception>
    public long Address => Resolve() is AcceleratorMemory memory
        ? memory.Address + Storage.Offset + offset
        : throw new InvalidOperationException($"{Shape} is in host memory");

    internal Storage Storage { get; }

    /// <summary>Identity of the values: tensors with equal places are views of the same data.</summary>
    internal (Storage Storage, long Offset) Place => (Storage, offset);

    internal long ByteCount => StoredCount * Type.SizeInBytes();

    internal IEnumerable<StoragePart> Parts => Storage.Touched(offset, ByteCount);

    /// <summary>The same data under another shape of equal count.</summary>
    /// <param name="extents">One to four positive extents, slowest first.</param>
    /// <exception cref="ArgumentException">The counts differ, or the extents are not those of a shape.</exception>
    public Tensor Reshape(params ReadOnlySpan<int> extents)
    {
        var shape = new Shape(extents);
        return shape.Count == Shape.Count
            ? new Tensor(Device, Storage, offset, shape, Type, HasTangent)
            : throw new ArgumentException($"{Shape} cannot be seen as {shape}: {Shape.Count} and {shape.Count} elements");
    }

    /// <summary>Views consecutive elements under a shape of their own.</summary>
    /// <param name="start">First element, counted from 0.</param>
    /// <param name="shape">Extents of the slice.</param>
    /// <param name="hasTangent">Whether the slice is dual: the elements behind its primal are then its tangent.</param>
    /// <exception cref="ArgumentException">The elements do not lie within the tensor's storage.</exception>
    /// <exception cref="InvalidOperationException">The tensor is dual: slice its primal or its tangent.</exception>
    public Tensor Slice(long start, Shape shape, bool hasTangent = false) => HasTangent
        ? throw new InvalidOperationException($"{Shape}: slice the primal or the tangent, not both")
        : new Tensor(Device, Storage, offset + start * Type.SizeInBytes(), shape, Type, hasTangent);

    /// <summary>All stored elements on a GPU, primal first.</summary>
    /// <typeparam name="T">The C# type of an element, of <see cref="Type"/>'s size.</typeparam>
    /// <exception cref="InvalidOperationException">
    /// The elements are not stored as T, the tensor is in host memory, its program is not compiled, or the running step of a checked program did not declare it.
    /// </exception>
    public ArrayView<T> ViewOf<T>()
        where T : unmanaged
    {
        if (Resolve<T>() is not AcceleratorMemory memory)
            throw new InvalidOperationException($"{Shape} is in host memory: use Span");
        return memory.View.SubView(Storage.Offset + offset, ByteCount).Cast<T>();
    }

    /// <summary>All stored elements on the host, primal first.</summary>
    /// <typeparam name="T">The C# type of an element, of <see cref="Type"/>'s size.</typeparam>
    /// <exception cref="InvalidOperationException">
    /// The elements are not stored as T, the tensor is in GPU memory, its program is not compiled, or the running step of a checked program did not declare it.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The memory has been released.</exception>
    public unsafe Span<T> SpanOf<T>()
        where T : unmanaged
    {
        if (Resolve<T>() is not HostMemory memory)
            throw new InvalidOperationException($"{Shape} is in GPU memory: use View");
        return new Span<T>(memory.Start + Storage.Offset + offset, (int)StoredCount);
    }

    /// <summary>Copies host values into the tensor and waits.</summary>
    /// <param name="values">All stored elements, primal first.</param>
    /// <exception cref="ArgumentException">The number of elements differs.</exception>
    /// <exception cref="InvalidOperationException">The elements are not stored as T, or the tensor's program is not compiled.</exception>
    public void Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        DeviceMemory memory = Resolve<T>();
        RequireLength(values.Length);
        memory.Write(Storage.Offset + offset, MemoryMarshal.AsBytes(values));
    }

    /// <summary>Copies the tensor to the host, after waiting for all earlier launches.</summary>
    /// <param name="target">Receives all stored elements, primal first.</param>
    /// <exception cref="ArgumentException">The number of elements differs.</exception>
    /// <exception cref="InvalidOperationException">The elements are not stored as T, or the tensor's program is not compiled.</exception>
    public void Download<T>(Span<T> target)
        where T : unmanaged
    {
        DeviceMemory memory = Resolve<T>();
        RequireLength(target.Length);
        memory.Read(Storage.Offset + offset, MemoryMarshal.AsBytes(target));
    }

    /// <summary>Copies the values of an fp32 tensor to the host, primal first.</summary>
    /// <exception cref="InvalidOperationException">The tensor is not fp32, or its program is not compiled.</exception>
    public float[] ToArray()
    {
        float[] values = new float[StoredCount];
        Download(values.AsSpan());
        return values;
    }

    /// <summary>Releases persistent memory, which all views of the tensor share; a transient tensor's memory belongs to its program.</summary>
    public void Dispose()
    {
        if (Storage.Owner is null)
            Storage.Memory?.Dispose();
    }

    /// <summary>Formats shape, type and whether there is a tangent.</summary>
    public override string ToString() => $"{Shape} {Type}{(HasTangent ? " dual" : "")}";

    private DeviceMemory Resolve<T>()
    {
        if (Unsafe.SizeOf<T>() != Type.SizeInBytes() || (typeof(T) == typeof(float) && Type != DType.Float32))
            throw new InvalidOperationException($"{this} is not stored as {typeof(T).Name}");
        return Resolve();
    }

    private DeviceMemory Resolve()
    {
        Storage.Owner?.CheckDeclared(this);
        return Storage.Memory ?? throw new InvalidOperationException($"{this} has no memory before its program is compiled");
    }

    private void RequireLength(int length)
    {
        if (length != StoredCount)
            throw new ArgumentException($"{this} holds {StoredCount} elements, not {length}");
    }
}

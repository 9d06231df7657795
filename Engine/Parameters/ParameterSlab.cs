namespace TrigFlowNative.Engine;

/// <summary>
/// All parameters of a network in one allocation, and all gradients in another, with named views: the optimizer, the
/// averages, the gradient norm and a checkpoint each walk one flat array. The values are the fp32 master weights; a third
/// array may hold the compute weights made from them, such as their bf16 copy.
/// </summary>
/// <remarks>
/// Each view starts at a multiple of 256 bytes, except for joined parameters after their first; the padding is zero and stays so. Only the slab
/// knows where a parameter lies: files hold parameters by name, or slabs in the layout's order, see <see cref="ToLayoutOrder"/>.
/// </remarks>
public sealed class ParameterSlab : IDisposable
{
    private const int AlignElements = ComputeDevice.Alignment / sizeof(float);
    private readonly Dictionary<string, Parameter> byName = [];
    private readonly List<Parameter> wholes = [];
    private readonly List<(int Start, int Count)> places = [];
    private readonly Dictionary<string, long> starts;
    private readonly bool computeOnly;

    /// <summary>Allocates zeroed slabs for the given parameters.</summary>
    /// <param name="device">Device of the slabs.</param>
    /// <param name="layout">Names and shapes in order.</param>
    /// <param name="withGradients">Whether to allocate gradients, for training.</param>
    /// <param name="computeType">
    /// Type of the compute weights, Float32 or BFloat16; null for none. The code that changes the values must make the compute weights again.
    /// </param>
    /// <param name="joined">Parameters that must be adjacent; the indexer finds a whole by its name, but <see cref="Parameters"/> does not hold it.</param>
    /// <param name="computeOnly">Whether products must take compute weights, for a network whose layers must not multiply master weights.</param>
    /// <exception cref="ArgumentException">
    /// A name occurs twice; members of a whole are not in the layout, are in two wholes or differ in extents after the first; or
    /// <paramref name="computeOnly"/> is set without a <paramref name="computeType"/>.
    /// </exception>
    /// <exception cref="OverflowException">The parameters have 2^31 elements or more.</exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory; nothing stays allocated.</exception>
    public ParameterSlab(
        ComputeDevice device, IEnumerable<(string Name, Shape Shape)> layout, bool withGradients, DType? computeType = null,
        IReadOnlyList<JoinedParameters>? joined = null, bool computeOnly = false)
    {
        if (computeOnly && computeType is null)
            throw new ArgumentException("products must take compute weights, but the slab has none: computeType is null");
        var entries = layout.ToList();
        (starts, long count) = Place(entries, joined ?? []);
        Device = device;
        Values = device.CreateTensor(new Shape(checked((int)Math.Max(count, 1))));
        this.computeOnly = computeOnly;
        try
        {
            Gradients = withGradients ? device.CreateTensor(Values.Shape) : null;
            ComputeValues = computeType is { } type ? device.CreateTensor(Values.Shape, type) : null;
            foreach ((string name, Shape shape) in entries)
            {
                Parameters.Add(Add(name, starts[name], shape));
                places.Add(((int)starts[name], (int)shape.Count));
            }

            foreach (JoinedParameters each in joined ?? [])
                wholes.Add(Add(each.Name, starts[each.Members[0]], JoinedShape(each)));
        }
        catch
        {
            Dispose();
            throw;
        }

        LayoutCount = Math.Max(1, places.Sum(place => Padded(place.Count)));
    }

    /// <summary>Device of the slabs.</summary>
    public ComputeDevice Device { get; }

    /// <summary>All master weights with their padding: (count), fp32.</summary>
    public Tensor Values { get; }

    /// <summary>All gradients with their padding, by the compute weights if there are any: (count), fp32; null in a network that is only evaluated.</summary>
    public Tensor? Gradients { get; }

    /// <summary>All compute weights with their padding: (count); null if products take the master weights.</summary>
    public Tensor? ComputeValues { get; }

    /// <summary>Type of the activations that the compute weights multiply; fp32 if there are none.</summary>
    public DType ComputeType => ComputeValues?.Type ?? DType.Float32;

    /// <summary>The parameters in the order of the layout.</summary>
    public List<Parameter> Parameters { get; } = [];

    /// <summary>Number of elements of a slab in the layout's order.</summary>
    public int LayoutCount { get; }

    /// <summary>Number of trained values, without padding.</summary>
    public long ParameterCount => Parameters.Sum(parameter => parameter.Value.Shape.Count);

    /// <summary>Returns a parameter, or a whole of joined ones, by name.</summary>
    /// <exception cref="KeyNotFoundException">There is no parameter of that name.</exception>
    public Parameter this[string name] => byName.TryGetValue(name, out Parameter? parameter)
        ? parameter
        : throw new KeyNotFoundException($"no parameter is called {name}");

    /// <summary>Returns the index of a parameter's first element in the slabs.</summary>
    /// <exception cref="KeyNotFoundException">There is no parameter of that name.</exception>
    public int StartOf(string name) => starts.TryGetValue(name, out long start) ? (int)start : throw new KeyNotFoundException($"no parameter is called {name}");

    /// <summary>Returns the weight for products with activations of a storage type: the compute weight if it has that type, else the master weight.</summary>
    /// <exception cref="KeyNotFoundException">There is no parameter of that name.</exception>
    /// <exception cref="InvalidOperationException">The slab has no weights of that type for products.</exception>
    public Tensor ValueFor(string name, DType type) =>
        this[name] is var parameter && parameter.Compute?.Type == type ? parameter.Compute
        : type == DType.Float32 && !computeOnly ? parameter.Value
        : throw new InvalidOperationException($"{name}: the slab has no weights of {type} for products");

    /// <summary>
    /// Copies elements from the order of <see cref="Values"/> into that of the layout: each parameter at a multiple of 256 bytes, with
    /// zeros between. A training's state on disk is in this order, so that it does not depend on which parameters are joined.
    /// </summary>
    /// <exception cref="ArgumentException">The number of elements is not that of <see cref="Values"/>.</exception>
    public float[] ToLayoutOrder(ReadOnlySpan<float> slab)
    {
        RequireLength(slab.Length, Values.Count);
        float[] ordered = new float[LayoutCount];
        int at = 0;
        foreach ((int start, int count) in places)
        {
            slab.Slice(start, count).CopyTo(ordered.AsSpan(at));
            at += Padded(count);
        }

        return ordered;
    }

    /// <summary>Copies elements from the layout's order into that of <see cref="Values"/>.</summary>
    /// <exception cref="ArgumentException">The number of elements is not <see cref="LayoutCount"/>.</exception>
    public float[] FromLayoutOrder(ReadOnlySpan<float> ordered)
    {
        RequireLength(ordered.Length, LayoutCount);
        float[] slab = new float[Values.Count];
        int at = 0;
        foreach ((int start, int count) in places)
        {
            ordered.Slice(at, count).CopyTo(slab.AsSpan(start));
            at += Padded(count);
        }

        return slab;
    }

    /// <summary>Makes every parameter differentiable on a tape; a compute weight shares the gradient of its master weight.</summary>
    /// <remarks>A whole begins where its first member does and takes its place on the tape, so its members must not be used one by one.</remarks>
    /// <exception cref="InvalidOperationException">The slab has no gradients.</exception>
    public void WatchOn(Tape tape)
    {
        foreach (Parameter parameter in Parameters.Concat(wholes))
        {
            Tensor gradient = parameter.Gradient ?? throw new InvalidOperationException("the slab has no gradients");
            tape.Watch(parameter.Value, gradient);
            if (parameter.Compute is not null)
                tape.Watch(parameter.Compute, gradient);
        }
    }

    /// <summary>Releases the slabs.</summary>
    public void Dispose()
    {
        Values.Dispose();
        Gradients?.Dispose();
        ComputeValues?.Dispose();
    }

    /// <summary>Start of each parameter in elements: the layout's order, except that joined parameters follow their first without padding.</summary>
    private static (Dictionary<string, long> Starts, long Count) Place(List<(string Name, Shape Shape)> entries, IReadOnlyList<JoinedParameters> joined)
    {
        Dictionary<string, Shape> shapes = [];
        foreach ((string name, Shape shape) in entries)
            if (!shapes.TryAdd(name, shape))
                throw new ArgumentException($"two parameters are called {name}");
        Dictionary<string, JoinedParameters> wholeOf = [];
        foreach (JoinedParameters whole in joined)
            foreach (string member in whole.Members)
                if (!shapes.ContainsKey(member) || !wholeOf.TryAdd(member, whole))
                    throw new ArgumentException($"{whole.Name}: {member} is no parameter, or is joined twice");
        Dictionary<string, long> starts = [];
        long count = 0;
        foreach ((string name, _) in entries)
        {
            if (starts.ContainsKey(name))
                continue;
            foreach (string member in wholeOf.TryGetValue(name, out JoinedParameters? whole) ? whole.Members : [name])
            {
                starts[member] = count;
                count += shapes[member].Count;
            }

            count = Padded(count);
        }

        return (starts, count);
    }

    private Shape JoinedShape(JoinedParameters joined)
    {
        int[][] extents = [.. joined.Members.Select(member => byName[member].Value.Shape.ToArray())];
        if (extents.Any(each => !each.AsSpan(1).SequenceEqual(extents[0].AsSpan(1))))
            throw new ArgumentException($"{joined.Name}: its members have different extents");
        return new Shape([extents.Sum(each => each[0]), .. extents[0][1..]]);
    }

    private Parameter Add(string name, long start, Shape shape)
    {
        var parameter = new Parameter(name, Values.Slice(start, shape), Gradients?.Slice(start, shape), ComputeValues?.Slice(start, shape));
        return byName.TryAdd(name, parameter) ? parameter : throw new ArgumentException($"two parameters are called {name}");
    }

    private static void RequireLength(int length, int wanted)
    {
        if (length != wanted)
            throw new ArgumentException($"expected {wanted} elements, not {length}");
    }

    private static int Padded(int count) => (int)Padded((long)count);

    private static long Padded(long count) => (count + AlignElements - 1) / AlignElements * AlignElements;
}

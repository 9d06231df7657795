namespace TrigFlowNative.Engine;

/// <summary>
/// All parameters of a network in one allocation, and all gradients in another, with named views: the optimizer, the
/// averages, the gradient norm and a checkpoint each walk one flat array. The values are the master weights, in fp32; a second
/// array may hold the compute weights that are made of them, such as their bf16 copy, which products multiply.
/// </summary>
/// <remarks>
/// Each view starts at a multiple of 256 bytes, but for joined ones behind the first; the padding between is zero and stays so. Where
/// a parameter lies is nobody's business but the slab's: files hold parameters by name, or slabs in the layout's order, see <see cref="ToLayoutOrder"/>.
/// </remarks>
public sealed class ParameterSlab : IDisposable
{
    private const int AlignElements = ComputeDevice.Alignment / sizeof(float);
    private readonly Dictionary<string, Parameter> byName = [];
    private readonly List<Parameter> wholes = [];
    private readonly List<(int Start, int Count)> places = [];
    private readonly bool computeOnly;

    /// <summary>Allocates slabs for the given parameters, zeroed.</summary>
    /// <param name="device">Where the slabs live.</param>
    /// <param name="layout">Names and shapes in order.</param>
    /// <param name="withGradients">Whether the network is trained.</param>
    /// <param name="computeType">
    /// Type of the compute weights, Float32 or BFloat16, which whoever changes the values makes anew; null for none.
    /// </param>
    /// <param name="joined">Parameters that lie together; such a whole is found by its name too, but does not stand among <see cref="Parameters"/>.</param>
    /// <param name="computeOnly">Whether products take compute weights alone, since a network's layers are not to multiply the master weights.</param>
    /// <exception cref="ArgumentException">
    /// A name occurs twice, or the members of a whole are not in the layout, in two of them or of different extents; or products are to take compute
    /// weights where there are none.
    /// </exception>
    public ParameterSlab(
        ComputeDevice device, IEnumerable<(string Name, Shape Shape)> layout, bool withGradients, DType? computeType = null,
        IReadOnlyList<JoinedParameters>? joined = null, bool computeOnly = false)
    {
        if (computeOnly && computeType is null)
            throw new ArgumentException("products are to take compute weights, of which there are none");
        var entries = layout.ToList();
        (Dictionary<string, long> starts, long count) = Place(entries, joined ?? []);
        Device = device;
        Values = device.CreateTensor(new Shape(checked((int)Math.Max(count, 1))));
        Gradients = withGradients ? device.CreateTensor(Values.Shape) : null;
        ComputeValues = computeType is { } type ? device.CreateTensor(Values.Shape, type) : null;
        this.computeOnly = computeOnly;
        foreach ((string name, Shape shape) in entries)
        {
            Parameters.Add(Add(name, starts[name], shape));
            places.Add(((int)starts[name], (int)shape.Count));
        }

        foreach (JoinedParameters each in joined ?? [])
            wholes.Add(Add(each.Name, starts[each.Members[0]], JoinedShape(each)));
        LayoutCount = Math.Max(1, places.Sum(place => Padded(place.Count)));
    }

    /// <summary>The device that holds the slabs.</summary>
    public ComputeDevice Device { get; }

    /// <summary>All master weights, padding included: (count), fp32.</summary>
    public Tensor Values { get; }

    /// <summary>All gradients, of the compute weights where there are any, padding included: (count), fp32; null in a network that is only evaluated.</summary>
    public Tensor? Gradients { get; }

    /// <summary>All compute weights, padding included: (count); null where products take the master weights.</summary>
    public Tensor? ComputeValues { get; }

    /// <summary>The type in which activations are multiplied with the compute weights: bf16, or fp32 where there are none.</summary>
    public DType ComputeType => ComputeValues?.Type ?? DType.Float32;

    /// <summary>The parameters in the order of the layout.</summary>
    public List<Parameter> Parameters { get; } = [];

    /// <summary>Elements of a slab in the layout's order.</summary>
    public int LayoutCount { get; }

    /// <summary>Trained numbers, padding not counted.</summary>
    public long ParameterCount => Parameters.Sum(parameter => parameter.Value.Shape.Count);

    /// <summary>A parameter by name.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public Parameter this[string name] => byName.TryGetValue(name, out Parameter? parameter)
        ? parameter
        : throw new KeyNotFoundException($"no parameter is called {name}");

    /// <summary>A parameter's value as it is multiplied with activations of a storage type: the compute weight of that type, else the master weight.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    /// <exception cref="InvalidOperationException">The slab has no weights of that type for products.</exception>
    public Tensor ValueFor(string name, DType type) =>
        this[name] is var parameter && parameter.Compute?.Type == type ? parameter.Compute
        : type == DType.Float32 && !computeOnly ? parameter.Value
        : throw new InvalidOperationException($"{name}: the slab has no weights of {type} for products");

    /// <summary>
    /// Elements in the order in which <see cref="Values"/> has them, in that of the layout: each parameter at a multiple of 256 bytes, with
    /// zeros between. What a training's state on disk holds, so that it does not depend on what is joined.
    /// </summary>
    /// <exception cref="ArgumentException">There are not as many elements as in the slab.</exception>
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

    /// <summary>The inverse of <see cref="ToLayoutOrder"/>.</summary>
    /// <exception cref="ArgumentException">There are not <see cref="LayoutCount"/> elements.</exception>
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

    /// <summary>Makes every parameter differentiable on a tape; the gradient of a compute weight lies where that of its master weight does.</summary>
    /// <remarks>A whole begins where its first member does, and takes its place on the tape: its members are not to be used one by one.</remarks>
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

    /// <summary>Where each parameter begins: in the layout's order, but that joined ones follow the first without padding.</summary>
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
            throw new ArgumentException($"{length} elements, where the slab has {wanted}");
    }

    private static int Padded(int count) => (int)Padded((long)count);

    private static long Padded(long count) => (count + AlignElements - 1) / AlignElements * AlignElements;
}

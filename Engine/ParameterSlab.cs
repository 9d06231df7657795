namespace TrigFlowNative.Engine;

/// <summary>
/// All parameters of a network in one allocation, and all gradients in another, with named views: the optimizer, the
/// averages, the gradient norm and a checkpoint each walk one flat array.
/// </summary>
/// <remarks>Each view starts at a multiple of 256 bytes; the padding between is zero and stays so.</remarks>
public sealed class ParameterSlab : IDisposable
{
    private const int AlignElements = ComputeDevice.Alignment / sizeof(float);
    private readonly Dictionary<string, Parameter> byName = [];

    /// <summary>Allocates slabs for the given parameters, zeroed.</summary>
    /// <param name="device">Where the slabs live.</param>
    /// <param name="layout">Names and shapes in order.</param>
    /// <param name="withGradients">Whether the network is trained.</param>
    /// <param name="rounded">Whether there is a bf16 copy of the values, which whoever changes them keeps up to date.</param>
    /// <exception cref="ArgumentException">A name occurs twice.</exception>
    public ParameterSlab(ComputeDevice device, IEnumerable<(string Name, Shape Shape)> layout, bool withGradients, bool rounded = false)
    {
        var entries = layout.ToList();
        long count = entries.Sum(entry => Padded(entry.Shape));
        Device = device;
        Values = device.CreateTensor(new Shape(checked((int)Math.Max(count, 1))));
        Gradients = withGradients ? device.CreateTensor(Values.Shape) : null;
        Rounded = rounded ? device.CreateTensor(Values.Shape, DType.BFloat16) : null;
        long start = 0;
        foreach ((string name, Shape shape) in entries)
        {
            var parameter = new Parameter(name, Values.Slice(start, shape), Gradients?.Slice(start, shape), Rounded?.Slice(start, shape));
            if (!byName.TryAdd(name, parameter))
                throw new ArgumentException($"two parameters are called {name}");
            Parameters.Add(parameter);
            start += Padded(shape);
        }
    }

    /// <summary>The device that holds the slabs.</summary>
    public ComputeDevice Device { get; }

    /// <summary>All values, padding included: (count).</summary>
    public Tensor Values { get; }

    /// <summary>All gradients, padding included: (count); null in a network that is only evaluated.</summary>
    public Tensor? Gradients { get; }

    /// <summary>All values rounded to bf16, padding included: (count); null in a network that runs in fp32.</summary>
    public Tensor? Rounded { get; }

    /// <summary>The parameters in the order of the layout.</summary>
    public List<Parameter> Parameters { get; } = [];

    /// <summary>Trained numbers, padding not counted.</summary>
    public long ParameterCount => Parameters.Sum(parameter => parameter.Value.Shape.Count);

    /// <summary>A parameter by name.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public Parameter this[string name] => byName.TryGetValue(name, out Parameter? parameter)
        ? parameter
        : throw new KeyNotFoundException($"no parameter is called {name}");

    /// <summary>A parameter's value as it is multiplied with activations of a storage type.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    /// <exception cref="InvalidOperationException">bf16 is asked for of a slab that has no rounded values.</exception>
    public Tensor Factor(string name, DType type) => type == DType.BFloat16
        ? this[name].Rounded ?? throw new InvalidOperationException($"{name}: the slab has no bf16 values")
        : this[name].Value;

    /// <summary>Makes every parameter differentiable on a tape; the gradient of a rounded value is the value's.</summary>
    public void WatchOn(Tape tape)
    {
        foreach (Parameter parameter in Parameters)
        {
            Tensor gradient = parameter.Gradient ?? throw new InvalidOperationException("the slab has no gradients");
            tape.Watch(parameter.Value, gradient);
            if (parameter.Rounded is not null)
                tape.Watch(parameter.Rounded, gradient);
        }
    }

    /// <summary>Releases the slabs.</summary>
    public void Dispose()
    {
        Values.Dispose();
        Gradients?.Dispose();
        Rounded?.Dispose();
    }

    private static long Padded(Shape shape) => (shape.Count + AlignElements - 1) / AlignElements * AlignElements;
}

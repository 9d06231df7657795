namespace TrigFlowNative.Engine;

/// <summary>
/// A sequence of launches over tensors of fixed shape, recorded once and run many times. Ops append steps; compiling
/// settles every transient tensor in one arena (a place is reused as soon as its last reader has run); running launches the
/// steps in order and allocates nothing.
/// </summary>
/// <remarks>
/// What changes from run to run (batch, step counter, learning rate) lives in persistent tensors written before. On an NVIDIA GPU
/// the steps are captured into a graph at the second run, so persistent tensors must outlive the program.
/// </remarks>
public sealed class ComputeProgram(ComputeDevice device) : IDisposable
{
    private readonly List<ProgramStep> steps = [];
    private readonly List<Storage> transients = [];
    private readonly List<IDisposable> resources = [];
    private readonly Stack<string> layers = new();
    private DeviceMemory? arena;
    private ProgramReplay? replay;
    private ProgramStep? running;
    private bool compiled;

    /// <summary>The device the program runs on.</summary>
    public ComputeDevice Device { get; } = device;

    /// <summary>Records what the ops' backward passes need; null where nothing is differentiated, as in sampling.</summary>
    public Tape? Tape
    {
        get;
        init
        {
            field = value;
            value?.Attach(this);
        }
    }

    /// <summary>
    /// For tests and debugging: fills every transient tensor with NaN before its first step, and a step that touches a
    /// transient tensor it did not declare throws by name. Such a program is never captured into a graph.
    /// </summary>
    public bool Checked { get; init; }

    /// <summary>The recorded steps in order.</summary>
    public IReadOnlyList<ProgramStep> Steps => steps;

    /// <summary>Bytes of the arena; 0 before <see cref="Compile"/>.</summary>
    public long ArenaBytes => arena?.Bytes ?? 0;

    /// <summary>Whether runs are replays of a CUDA graph.</summary>
    public bool IsCaptured => replay?.IsCaptured ?? false;

    /// <summary>A transient tensor; its memory is settled by <see cref="Compile"/>.</summary>
    /// <param name="shape">Extents of the primal.</param>
    /// <param name="hasTangent">Whether a tangent lies behind the primal.</param>
    /// <param name="type">Storage type.</param>
    public Tensor Allocate(Shape shape, bool hasTangent = false, DType type = DType.Float32)
    {
        RequireRecording();
        long bytes = shape.Count * type.Size();
        var storage = new Storage(hasTangent ? 2 * bytes : bytes, hasTangent ? bytes : null, this);
        transients.Add(storage);
        return new Tensor(Device, storage, 0, shape, type, hasTangent);
    }

    /// <summary>A transient tensor like another: its shape, tangent and type.</summary>
    public Tensor AllocateLike(Tensor x) => Allocate(x.Shape, x.HasTangent, x.Type);

    /// <summary>A persistent tensor in which every element has the same value, fp32; released with the program.</summary>
    public Tensor Constant(Shape shape, float value)
    {
        float[] values = new float[shape.Count];
        Array.Fill(values, value);
        Tensor constant = Device.CreateTensor(shape, values);
        resources.Add(constant);
        return constant;
    }

    /// <summary>Appends a step.</summary>
    /// <param name="op">Name of the op and direction, such as conv2d.forward.</param>
    /// <param name="reads">All tensors the step reads; null entries are passed over.</param>
    /// <param name="writes">All tensors the step writes; one it adds to stands among the reads too.</param>
    /// <param name="cpu">Runs the step on a <see cref="CpuDevice"/>.</param>
    /// <param name="gpu">Loads the kernels, now, and returns what launches them, later.</param>
    public void Emit(
        string op, ReadOnlySpan<Tensor?> reads, ReadOnlySpan<Tensor?> writes, Action<CpuDevice> cpu, Func<GpuDevice, Action> gpu)
    {
        RequireRecording();
        Action run = Device switch
        {
            CpuDevice host => () => cpu(host),
            GpuDevice accelerator => Load(accelerator, gpu),
            _ => throw new NotSupportedException($"{op} has no implementation for {Device.Name}"),
        };
        var step = new ProgramStep(steps.Count, op, string.Join('.', layers.Reverse()), Present(reads), Present(writes), run);
        foreach (Tensor tensor in step.Reads.Concat(step.Writes))
        {
            if (tensor.Device != Device)
                throw new ArgumentException($"{op}: a tensor {tensor} is on {tensor.Device.Name}, the program on {Device.Name}");
            if (tensor.Storage.Owner is { } owner && owner != this)
                throw new ArgumentException($"{op}: a transient tensor {tensor} belongs to another program");
            foreach (StoragePart part in tensor.Parts)
                part.Touch(step.Index);
        }

        steps.Add(step);
    }

    /// <summary>The names of the layers entered at present, the outermost first.</summary>
    internal string[] Layers => [.. layers.Reverse()];

    /// <summary>Names the layer that the steps emitted until disposal belong to; nested names are joined by dots.</summary>
    public IDisposable Layer(string name) => Layer([name]);

    /// <summary>Enters several layers at once, the outermost first.</summary>
    internal IDisposable Layer(string[] names)
    {
        foreach (string name in names)
            layers.Push(name);
        return new LayerScope(layers, names.Length);
    }

    /// <summary>Ends the recording and settles the transient tensors. A tensor that must outlive a run is persistent.</summary>
    public void Compile()
    {
        RequireRecording();
        compiled = true;
        long bytes = ArenaPlan.Place(transients);
        if (bytes == 0)
            return;
        arena = Device.Allocate(bytes);
        foreach (Storage storage in transients)
            storage.Memory = arena;
    }

    /// <summary>Launches every step in order; compiles first if that has not been done. Does not wait for a GPU.</summary>
    /// <exception cref="InvalidOperationException">A step cannot be captured into a CUDA graph; the message names it.</exception>
    public void Run()
    {
        if (!compiled)
            Compile();
        if (Device is GpuDevice { IsCuda: true } gpu && !Checked)
        {
            replay ??= new ProgramReplay(gpu, steps);
            replay.Run();
            return;
        }

        foreach (ProgramStep step in steps)
        {
            if (Checked)
                RunChecked(step);
            else
                step.Run();
        }
    }

    /// <summary>
    /// Runs the program once, then a number of times with a clock around every step. What the steps write is that of as many runs.
    /// </summary>
    /// <param name="repetitions">Times that each step is measured, at least 1.</param>
    /// <returns>The median time of each step, in order.</returns>
    public IReadOnlyList<StepTime> Time(int repetitions = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(repetitions, 1);
        Run();
        return StepTime.Measure(Device, steps, repetitions);
    }

    /// <summary>Releases the arena and what launches hold beside it.</summary>
    public void Dispose()
    {
        replay?.Dispose();
        arena?.Dispose();
        resources.ForEach(resource => resource.Dispose());
    }

    internal void CheckDeclared(Tensor tensor)
    {
        if (running is { } step && !tensor.Parts.All(part => step.Declared.Contains(part)))
            throw new InvalidOperationException($"{step}: touches {tensor}, which it did not declare");
    }

    private Action Load(GpuDevice gpu, Func<GpuDevice, Action> load)
    {
        gpu.Recording = resources;
        try
        {
            return load(gpu);
        }
        finally
        {
            gpu.Recording = null;
        }
    }

    private static Tensor[] Present(ReadOnlySpan<Tensor?> tensors)
    {
        var present = new List<Tensor>(tensors.Length);
        foreach (Tensor? tensor in tensors)
            if (tensor is not null)
                present.Add(tensor);
        return [.. present];
    }

    private void RunChecked(ProgramStep step)
    {
        const byte poison = 0xFF; // every float of these bytes is NaN
        foreach (Tensor tensor in step.Writes.Where(tensor => tensor.Storage.Owner is not null))
            foreach (StoragePart part in tensor.Parts.Where(part => part.First == step.Index))
                arena!.Fill(tensor.Storage.Offset + part.Start, part.Bytes, poison);
        running = step;
        try
        {
            step.Run();
        }
        finally
        {
            running = null;
        }
    }

    private void RequireRecording()
    {
        if (compiled)
            throw new InvalidOperationException("the program is compiled: nothing can be added to it");
    }

    private sealed class LayerScope(Stack<string> layers, int depth) : IDisposable
    {
        public void Dispose()
        {
            for (int i = 0; i < depth; i++)
                layers.Pop();
        }
    }
}

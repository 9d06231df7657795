namespace TrigFlowNative.Engine;

/// <summary>
/// A sequence of steps over tensors of fixed shape, recorded once and run many times. Ops append steps. Compiling places every
/// transient tensor in one arena, which reuses memory as soon as its last reader has run. Running launches the steps in order
/// and allocates nothing.
/// </summary>
/// <remarks>
/// Values that change from run to run (batch, step counter, learning rate) live in persistent tensors, written before the run. On an NVIDIA
/// GPU the second run captures the steps into a CUDA graph, so persistent tensors must outlive the program. One thread at a time may use a program;
/// several threads may use programs of their own on one device, if these write different tensors.
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

    /// <summary>Tape that records the backward passes of ops; null if nothing is differentiated, as in sampling.</summary>
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
    /// For tests and debugging: fills every transient tensor with NaN before its first step, and throws if a step touches a transient
    /// tensor that it did not declare. Such a program is never captured into a graph.
    /// </summary>
    public bool Checked { get; init; }

    /// <summary>The recorded steps in order.</summary>
    public IReadOnlyList<ProgramStep> Steps => steps;

    /// <summary>Size of the arena in bytes; 0 before <see cref="Compile"/>.</summary>
    public long ArenaBytes => arena?.Bytes ?? 0;

    /// <summary>Whether runs replay a CUDA graph.</summary>
    public bool IsCaptured => replay?.IsCaptured ?? false;

    /// <summary>Creates a transient tensor, whose memory <see cref="Compile"/> assigns.</summary>
    /// <param name="shape">Extents of the primal.</param>
    /// <param name="hasTangent">Whether a tangent follows the primal.</param>
    /// <param name="type">Element type.</param>
    /// <exception cref="ArgumentException">The tensor has 2^31 elements or more, or the type is unknown.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public Tensor Allocate(Shape shape, bool hasTangent = false, DType type = DType.Float32)
    {
        RequireRecording();
        long bytes = shape.Count * type.SizeInBytes();
        var storage = new Storage(hasTangent ? 2 * bytes : bytes, hasTangent ? bytes : null, this);
        transients.Add(storage);
        return new Tensor(Device, storage, 0, shape, type, hasTangent);
    }

    /// <summary>Creates a transient tensor with the shape, tangent and type of another.</summary>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public Tensor AllocateLike(Tensor x) => Allocate(x.Shape, x.HasTangent, x.Type);

    /// <summary>Creates a persistent fp32 tensor whose elements all have the same value; the program disposes of it.</summary>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
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
    /// <param name="reads">Every tensor that the step reads; null entries are ignored.</param>
    /// <param name="writes">Every tensor that the step writes. One that it adds to belongs to the reads too.</param>
    /// <param name="cpu">Runs the step on a <see cref="CpuDevice"/>.</param>
    /// <param name="gpu">Loads the kernels during recording and returns the action that launches them at each run.</param>
    /// <exception cref="ArgumentException">A tensor is on another device, or is a transient tensor of another program.</exception>
    /// <exception cref="NotSupportedException">The device is neither a <see cref="CpuDevice"/> nor a <see cref="GpuDevice"/>.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
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

    /// <summary>Names of the open layers, outermost first.</summary>
    internal string[] Layers => [.. layers.Reverse()];

    /// <summary>Opens a layer: steps emitted until the result is disposed belong to it. Nested names are joined by dots.</summary>
    public IDisposable Layer(string name) => Layer([name]);

    /// <summary>Opens several layers at once, outermost first.</summary>
    internal IDisposable Layer(string[] names)
    {
        foreach (string name in names)
            layers.Push(name);
        return new LayerScope(layers, names.Length);
    }

    /// <summary>Ends the recording and places the transient tensors in the arena. A value that must survive a run belongs in a persistent tensor.</summary>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public void Compile()
    {
        RequireRecording();
        compiled = true;
        long bytes = ArenaPlan.Place(transients);
        if (bytes == 0)
            return;
        arena = Device.Allocate(bytes, $"the arena of a program ({steps.Count} steps)");
        foreach (Storage storage in transients)
            storage.Memory = arena;
    }

    /// <summary>Launches every step in order, after compiling if necessary. Does not wait for a GPU.</summary>
    /// <exception cref="InvalidOperationException">
    /// A step cannot be captured into a CUDA graph, or a step of a checked program touches a tensor that it did not declare; the message names the step.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The program has been disposed.</exception>
    /// <exception cref="Cuda.CudaDriverException">The driver refuses a kernel or a launch.</exception>
    public void Run()
    {
        if (!compiled)
            Compile();
        if (Device is not GpuDevice gpu)
        {
            RunSteps();
            return;
        }

        lock (gpu.Gate)
        {
            if (gpu.IsCuda && !Checked)
                (replay ??= new ProgramReplay(gpu, steps)).Run();
            else
                RunSteps();
        }
    }

    /// <summary>Runs the program once, then <paramref name="repetitions"/> times more with a clock around every step.</summary>
    /// <param name="repetitions">Number of times that each step is measured, at least 1.</param>
    /// <returns>The median time of each step, in order.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number of repetitions is below 1.</exception>
    /// <exception cref="InvalidOperationException">As for <see cref="Run"/>.</exception>
    public IReadOnlyList<StepTime> Time(int repetitions = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(repetitions, 1);
        Run();
        return StepTime.Measure(Device, steps, repetitions);
    }

    /// <summary>Releases the arena, the CUDA graph, constants and resources that launches own.</summary>
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
        lock (gpu.Gate)
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
    }

    private void RunSteps()
    {
        foreach (ProgramStep step in steps)
        {
            if (Checked)
                RunChecked(step);
            else
                step.Run();
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
        const byte poison = 0xFF; // every float with these bytes is NaN
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

namespace TrigFlowNative.Engine;

/// <summary>
/// Reverse mode. While a program is recorded, ops that depend on a watched tensor leave a closure that emits their
/// backward steps; <see cref="Backward"/> calls them in reverse order, so that the backward pass becomes part of the program.
/// </summary>
/// <remarks>
/// Contract: a backward pass adds to a gradient that holds something and overwrites one that does not
/// (<see cref="GradientSlot.Accumulate"/>); forward and tangent overwrite. Tangents are constants: only the primal half of a
/// dual tensor has a gradient, as Algorithm 1 of the sCM paper (arXiv:2410.11081) wants.
/// </remarks>
public sealed class Tape
{
    private readonly List<(Tensor[] Outputs, string[] Layers, Action Backward)> records = [];
    private readonly HashSet<(Storage, long)> watched = [];
    private readonly Dictionary<(Storage, long), Tensor> gradients = [];
    private readonly Dictionary<(Storage, long), Tensor> reserved = [];
    private readonly HashSet<(Storage, long)> written = [];
    private readonly HashSet<(Storage, long)> seeded = [];
    private readonly Dictionary<(Storage, long), DeferredGradient> deferred = [];
    private ComputeProgram? program;

    /// <summary>
    /// Makes a persistent tensor, a parameter say, differentiable: contributions are added to
    /// <paramref name="gradient"/>, which whoever runs the program zeroes.
    /// </summary>
    /// <exception cref="ArgumentException">Shapes differ.</exception>
    public void Watch(Tensor x, Tensor gradient)
    {
        if (x.Shape != gradient.Shape)
            throw new ArgumentException($"the gradient of {x} has the shape {gradient.Shape}");
        watched.Add(x.Place);
        gradients[x.Place] = gradient;
        written.Add(x.Place);
    }

    /// <summary>Whether gradients flow to this tensor.</summary>
    public bool Needs(Tensor x) => watched.Contains(x.Place);

    /// <summary>Records an op: if any input needs a gradient the output does too and the closure is kept.</summary>
    /// <param name="y">The op's output; of a dual tensor, the primal is meant.</param>
    /// <param name="inputs">All tensors the output depends on; null entries are passed over.</param>
    /// <param name="backward">Emits the backward steps; called only if a cotangent of y exists.</param>
    public void Record(Tensor y, ReadOnlySpan<Tensor?> inputs, Action backward) => Record([y], inputs, backward);

    /// <summary>As above for an op with several outputs, whose closure is called once, if a cotangent of any of them exists.</summary>
    public void Record(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> inputs, Action backward)
    {
        foreach (Tensor? input in inputs)
        {
            if (input is null || !Needs(input))
                continue;
            foreach (Tensor output in outputs)
                watched.Add(output.Place);
            records.Add((outputs.ToArray(), program?.Layers ?? [], backward));
            return;
        }
    }

    /// <summary>Says where the gradient of an op's output will lie, of its shape and type, if anything contributes to it.</summary>
    public void Reserve(Tensor y, Tensor gradient) => reserved[y.Place] = gradient;

    /// <summary>Whether anything has contributed to the gradient of an op's output.</summary>
    public bool HasCotangent(Tensor y) => gradients.ContainsKey(y.Place) || deferred.ContainsKey(y.Place);

    /// <summary>Gives the cotangent of an output from which <see cref="Backward"/> starts; it is read, never written.</summary>
    /// <exception cref="ArgumentException">Shapes differ, or y does not depend on a watched tensor.</exception>
    public void Seed(Tensor y, Tensor dy)
    {
        if (y.Shape != dy.Shape)
            throw new ArgumentException($"the cotangent of {y} has the shape {dy.Shape}");
        if (!Needs(y))
            throw new ArgumentException($"{y} depends on no watched tensor: there is nothing to differentiate");
        gradients[y.Place] = dy;
        seeded.Add(y.Place);
    }

    /// <summary>Whether the gradient of an output is one that <see cref="Seed"/> was given.</summary>
    public bool IsSeeded(Tensor y) => seeded.Contains(y.Place);

    /// <summary>Emits the backward pass of everything recorded, last op first. May be called once.</summary>
    public void Backward()
    {
        for (int i = records.Count - 1; i >= 0; i--)
        {
            if (!records[i].Outputs.Any(HasCotangent))
                continue;
            using IDisposable? scope = program?.Layer(records[i].Layers);
            records[i].Backward();
        }

        foreach (DeferredGradient waiting in deferred.Values.ToArray())
            waiting.Write();
        deferred.Clear();
        records.Clear();
    }

    /// <summary>Makes backward steps belong to the layers of the program in which their ops were recorded.</summary>
    internal void Attach(ComputeProgram recording) => program = recording;

    /// <summary>The gradient of an op's output, in a backward closure.</summary>
    public Tensor Cotangent(Tensor y)
    {
        Settle(y);
        return gradients.TryGetValue(y.Place, out Tensor? dy)
            ? dy.Shape == y.Shape ? dy : dy.Reshape(y.Shape.ToArray())
            : throw new InvalidOperationException($"{y} has no cotangent");
    }

    /// <summary>
    /// The gradient of an op's output as a factor times a tensor, for an op that multiplies by the factor anyway: a gradient that
    /// consists of one deferred contribution need then never be written.
    /// </summary>
    public (Tensor Cotangent, float Factor) ScaledCotangent(Tensor y) => !gradients.ContainsKey(y.Place) && deferred.Remove(y.Place, out DeferredGradient? only)
        ? (only.Cotangent.Shape == y.Shape ? only.Cotangent : only.Cotangent.Reshape(y.Shape.ToArray()), only.Factor)
        : (Cotangent(y), 1f);

    /// <summary>
    /// Where an op's backward pass puts its contribution to the gradient of an input; null if that input needs none. Call it
    /// once for each contribution, immediately before emitting the step that writes it.
    /// </summary>
    public GradientSlot? Slot(ComputeProgram program, Tensor x)
    {
        if (!Needs(x))
            return null;
        Settle(x);
        return Claim(program, x);
    }

    /// <summary>
    /// Contributes a factor times a cotangent, of x's shape, to the gradient of x without writing it yet: whoever writes or reads that
    /// gradient next does so, at the latest. The cotangent must be complete. Nothing happens where x needs no gradient.
    /// </summary>
    /// <param name="program">Program that records the backward pass.</param>
    /// <param name="x">An input of the op.</param>
    /// <param name="cotangent">What is contributed, but for the factor.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="write">Emits the step that writes or adds the contribution, if it must be.</param>
    public void Defer(ComputeProgram program, Tensor x, Tensor cotangent, float factor, Action<GradientSlot> write)
    {
        if (!Needs(x))
            return;
        Settle(x);
        deferred[x.Place] = new DeferredGradient(cotangent, factor, () => write(Claim(program, x)));
    }

    /// <summary>
    /// Takes over the deferred contribution to the gradient of x, if there is one, for an op that adds it in its own pass over that
    /// gradient. Call it before <see cref="Slot"/>.
    /// </summary>
    public DeferredGradient? TakeDeferred(Tensor x) => deferred.Remove(x.Place, out DeferredGradient? taken) ? taken : null;

    private void Settle(Tensor x)
    {
        if (deferred.Remove(x.Place, out DeferredGradient? waiting))
            waiting.Write();
    }

    private GradientSlot Claim(ComputeProgram program, Tensor x)
    {
        if (seeded.Contains(x.Place))
            throw new InvalidOperationException($"{x} has a given cotangent and is read by a further op: sum the two outputs first");
        if (!gradients.TryGetValue(x.Place, out Tensor? gradient))
            gradients[x.Place] = gradient = reserved.TryGetValue(x.Place, out Tensor? place) ? place : program.Allocate(x.Shape, type: x.Type);
        return new GradientSlot(gradient.Shape == x.Shape ? gradient : gradient.Reshape(x.Shape.ToArray()), !written.Add(x.Place));
    }
}

/// <summary>A contribution to a gradient that nobody has written yet, see <see cref="Tape.Defer"/>.</summary>
/// <param name="Cotangent">The tensor.</param>
/// <param name="Factor">What it is multiplied by.</param>
/// <param name="Write">Emits the step that writes it after all.</param>
public sealed record DeferredGradient(Tensor Cotangent, float Factor, Action Write);

/// <summary>Where a contribution to a gradient goes.</summary>
/// <param name="Tensor">The gradient: the primal's shape, and its storage type but for a parameter, whose gradient is fp32.</param>
/// <param name="Accumulate">Add to what is there; otherwise overwrite, since nothing is.</param>
public readonly record struct GradientSlot(Tensor Tensor, bool Accumulate)
{
    /// <summary>1 to add, 0 to overwrite: the form kernels take (a bool has two sizes in ILGPU).</summary>
    public int Add => Accumulate ? 1 : 0;

    /// <summary>The gradient if the step also reads it, for the step's declaration; otherwise null.</summary>
    public Tensor? ReadTensor => Accumulate ? Tensor : null;
}

namespace TrigFlowNative.Engine;

/// <summary>
/// Reverse-mode differentiation. While a program is recorded, every op that depends on a watched tensor leaves a closure that emits its
/// backward steps; <see cref="Backward"/> calls the closures in reverse order, so that the backward pass becomes part of the program.
/// </summary>
/// <remarks>
/// <para>A backward pass adds to a gradient that holds something and overwrites one that does not (<see cref="GradientSlot.Accumulate"/>);
/// forward and tangent overwrite. Tangents are constants: only the primal of a dual tensor has a gradient, as in
/// Algorithm 1 of the sCM paper (arXiv:2410.11081).</para>
/// <para>An output that was never seeded, and to whose cotangent no later op contributes, contributes nothing: the backward steps of its op are
/// skipped, as behind a stop-gradient. So a second forward pass under the same watched parameters costs no backward step unless it is
/// seeded. An op that records nothing on the tape is a stop-gradient too.</para>
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
    private readonly Dictionary<(Storage, long), Func<Tensor>> recomputed = [];
    private ComputeProgram? program;

    /// <summary>
    /// Whether outputs that are cheap to compute again (<see cref="Recompute"/>) are, instead of being kept for the backward pass: less memory for some
    /// time, with the same bits.
    /// </summary>
    public bool Recomputes { get; init; }

    /// <summary>Makes a persistent tensor, such as a parameter, differentiable.</summary>
    /// <param name="x">The tensor.</param>
    /// <param name="gradient">A tensor of x's shape to which every run adds; the caller sets it to zero between runs.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public void Watch(Tensor x, Tensor gradient)
    {
        if (x.Shape != gradient.Shape)
            throw new ArgumentException($"the gradient of {x} has shape {gradient.Shape}");
        watched.Add(x.Place);
        gradients[x.Place] = gradient;
        written.Add(x.Place);
    }

    /// <summary>Whether gradients flow to this tensor: it is watched, or depends on a watched tensor.</summary>
    public bool NeedsGradient(Tensor x) => watched.Contains(x.Place);

    /// <summary>Records an op: if any input needs a gradient, so does the output, and the closure is kept.</summary>
    /// <param name="y">Output of the op; a dual output stands for its primal.</param>
    /// <param name="inputs">All tensors that the output depends on; null entries are ignored.</param>
    /// <param name="backward">Emits the backward steps; called only if y has a cotangent.</param>
    public void Record(Tensor y, ReadOnlySpan<Tensor?> inputs, Action backward) => Record([y], inputs, backward);

    /// <summary>Records an op with several outputs, whose closure is called once if any of them has a cotangent.</summary>
    /// <param name="outputs">Outputs of the op.</param>
    /// <param name="inputs">All tensors that the outputs depend on; null entries are ignored.</param>
    /// <param name="backward">Emits the backward steps.</param>
    public void Record(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> inputs, Action backward)
    {
        foreach (Tensor? input in inputs)
        {
            if (input is null || !NeedsGradient(input))
                continue;
            foreach (Tensor output in outputs)
                watched.Add(output.Place);
            records.Add((outputs.ToArray(), program?.Layers ?? [], backward));
            return;
        }
    }

    /// <summary>Says how the output of an op can be computed again from what is kept anyway.</summary>
    /// <param name="y">Output of the op, without tangent.</param>
    /// <param name="again">Emits the step that computes y with the same bits into a new tensor, which it returns.</param>
    public void Recompute(Tensor y, Func<Tensor> again)
    {
        if (Recomputes && NeedsGradient(y))
            recomputed[y.Place] = again;
    }

    /// <summary>
    /// Returns a tensor of the forward pass for a backward step that reads it: itself, or the same values computed again. Call it in a backward closure,
    /// immediately before emitting the step.
    /// </summary>
    public Tensor Kept(Tensor x)
    {
        if (!recomputed.TryGetValue(x.Place, out Func<Tensor>? again))
            return x;
        Tensor values = again();
        recomputed[x.Place] = () => values; // for a second reader
        return values.Shape == x.Shape ? values : values.Reshape(x.Shape.ToArray());
    }

    /// <summary>Sets where the gradient of an op's output will lie if anything contributes to it.</summary>
    /// <param name="y">Output of the op.</param>
    /// <param name="gradient">A tensor of y's shape and type.</param>
    public void Reserve(Tensor y, Tensor gradient) => reserved[y.Place] = gradient;

    /// <summary>Whether an op or <see cref="Seed"/> has contributed to the gradient of an op's output.</summary>
    public bool HasCotangent(Tensor y) => gradients.ContainsKey(y.Place) || deferred.ContainsKey(y.Place);

    /// <summary>Sets the cotangent of an output, from which <see cref="Backward"/> starts; a second call replaces the first.</summary>
    /// <param name="y">An output that depends on a watched tensor.</param>
    /// <param name="dy">The cotangent, of y's shape; it is read, never written.</param>
    /// <exception cref="ArgumentException">The shapes differ, or y depends on no watched tensor.</exception>
    public void Seed(Tensor y, Tensor dy)
    {
        if (y.Shape != dy.Shape)
            throw new ArgumentException($"the cotangent of {y} has shape {dy.Shape}");
        if (!NeedsGradient(y))
            throw new ArgumentException($"{y} depends on no watched tensor: there is nothing to differentiate");
        gradients[y.Place] = dy;
        seeded.Add(y.Place);
    }

    /// <summary>Whether <see cref="Seed"/> set the gradient of an output.</summary>
    public bool IsSeeded(Tensor y) => seeded.Contains(y.Place);

    /// <summary>Emits the backward steps of everything recorded, last op first, and skips ops whose outputs have no cotangent.</summary>
    /// <remarks>
    /// Call it once, after all seeds. It empties the tape: a second call emits the steps of ops recorded since the first, but their contributions to
    /// older tensors go no further back. Without such ops it emits nothing and throws nothing, even if outputs have been seeded since.
    /// </remarks>
    /// <exception cref="InvalidOperationException">An op contributes to the cotangent of a seeded output, or the program is compiled.</exception>
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
        recomputed.Clear();
        records.Clear();
    }

    /// <summary>Makes backward steps belong to the layers in which their ops were recorded.</summary>
    internal void Attach(ComputeProgram recording) => program = recording;

    /// <summary>Returns the gradient of an op's output, in a backward closure; a deferred contribution is written first.</summary>
    /// <exception cref="ArgumentException">The gradient is that of a view at the same place with another number of elements.</exception>
    /// <exception cref="InvalidOperationException">Nothing has contributed to the gradient.</exception>
    public Tensor Cotangent(Tensor y)
    {
        Settle(y);
        return gradients.TryGetValue(y.Place, out Tensor? dy)
            ? dy.Shape == y.Shape ? dy : dy.Reshape(y.Shape.ToArray())
            : throw new InvalidOperationException($"{y} has no cotangent");
    }

    /// <summary>
    /// Returns the gradient of an op's output as a tensor and a factor, for an op that multiplies by the factor anyway: a gradient that
    /// consists of one deferred contribution is then never written.
    /// </summary>
    /// <exception cref="ArgumentException">The gradient is that of a view at the same place with another number of elements.</exception>
    /// <exception cref="InvalidOperationException">Nothing has contributed to the gradient.</exception>
    public (Tensor Cotangent, float Factor) ScaledCotangent(Tensor y) => !gradients.ContainsKey(y.Place) && deferred.Remove(y.Place, out DeferredGradient? only)
        ? (only.Cotangent.Shape == y.Shape ? only.Cotangent : only.Cotangent.Reshape(y.Shape.ToArray()), only.Factor)
        : (Cotangent(y), 1f);

    /// <summary>
    /// Returns where an op's backward pass puts its contribution to the gradient of an input; null if that input needs none. Call it
    /// once for each contribution, immediately before emitting the step that writes it.
    /// </summary>
    /// <param name="program">Program that records the backward pass.</param>
    /// <param name="x">An input of the op.</param>
    /// <exception cref="ArgumentException">The gradient is that of a view at the same place with another number of elements.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Seed"/> set the cotangent of x, or the program is compiled.</exception>
    public GradientSlot? Slot(ComputeProgram program, Tensor x)
    {
        if (!NeedsGradient(x))
            return null;
        Settle(x);
        return Claim(program, x);
    }

    /// <summary>
    /// Contributes a factor times a cotangent to the gradient of x without writing it yet: the next op that writes or reads that
    /// gradient writes it, or the end of <see cref="Backward"/>. Does nothing if x needs no gradient.
    /// </summary>
    /// <param name="program">Program that records the backward pass.</param>
    /// <param name="x">An input of the op.</param>
    /// <param name="cotangent">The complete cotangent without the factor, of x's shape.</param>
    /// <param name="factor">Factor of the cotangent.</param>
    /// <param name="write">Emits the step that writes or adds the contribution, if that becomes necessary.</param>
    /// <exception cref="ArgumentException">The gradient is that of a view at the same place with another number of elements.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Seed"/> set the cotangent of x, or the program is compiled.</exception>
    public void Defer(ComputeProgram program, Tensor x, Tensor cotangent, float factor, Action<GradientSlot> write)
    {
        if (!NeedsGradient(x))
            return;
        Settle(x);
        deferred[x.Place] = new DeferredGradient(cotangent, factor, () => write(Claim(program, x)));
    }

    /// <summary>
    /// Takes over the deferred contribution to the gradient of x, for an op that adds it in its own pass over that
    /// gradient; null if there is none. Call it before <see cref="Slot"/>.
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
            throw new InvalidOperationException($"{x} has a given cotangent and is an input of a further op: sum the two outputs first");
        if (!gradients.TryGetValue(x.Place, out Tensor? gradient))
            gradients[x.Place] = gradient = reserved.TryGetValue(x.Place, out Tensor? place) ? place : program.Allocate(x.Shape, type: x.Type);
        return new GradientSlot(gradient.Shape == x.Shape ? gradient : gradient.Reshape(x.Shape.ToArray()), !written.Add(x.Place));
    }
}

/// <summary>A contribution to a gradient that is not written yet, see <see cref="Tape.Defer"/>.</summary>
/// <param name="Cotangent">The cotangent without the factor.</param>
/// <param name="Factor">Factor of the cotangent.</param>
/// <param name="Write">Emits the step that writes the contribution after all.</param>
public sealed record DeferredGradient(Tensor Cotangent, float Factor, Action Write);

/// <summary>Destination of a contribution to a gradient.</summary>
/// <param name="Tensor">The gradient: the primal's shape and storage type, but fp32 for a parameter.</param>
/// <param name="Accumulate">Whether to add to the values; otherwise the gradient holds nothing yet and is overwritten.</param>
public readonly record struct GradientSlot(Tensor Tensor, bool Accumulate)
{
    /// <summary>1 to add, 0 to overwrite, as kernels take it (a bool has two sizes in ILGPU).</summary>
    public int Add => Accumulate ? 1 : 0;

    /// <summary>The gradient if the step also reads it, for the declared reads; otherwise null.</summary>
    public Tensor? ReadTensor => Accumulate ? Tensor : null;
}

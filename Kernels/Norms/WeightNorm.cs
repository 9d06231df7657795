using System.Runtime.CompilerServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Weight normalisation of EDM2 (arXiv:2312.02696, section 2.3 and Appendix B.4, B.5) over a whole slab: compute = N(w) s with N(w) = w / (n + 1e-4),
/// n = sqrt(mean w^2) over a row of K entries, and s = scale gain. Forced normalisation first replaces each stored row by N(w).
/// </summary>
/// <remarks>
/// Backward, G being the gradient by the compute weights: dL/dw = (G s - w sum(G s w) / (K n (n + 1e-4))) / (n + 1e-4), n of the stored row; a row of
/// zeros has no second term. dL/dgain = sum G N(w) scale. Sums are in float64 in a fixed order. The op needs no tape: a training step records
/// <see cref="Backward"/> between its backward pass and the optimizer, and <see cref="Make"/> after that. Bound by memory: 6 bytes a value with bf16
/// compute weights, 10 if forced, 12 backward. Elements in no part (gains, padding, other parameters) keep compute value and gradient.
/// </remarks>
public static partial class WeightNorm
{
    private const string Name = "weight-norm";
    private const double Epsilon = 1e-4;

    /// <summary>Records the step that makes the compute weights.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="values">Slab of master weights, any shape, fp32; written only if forced.</param>
    /// <param name="compute">Receives the compute weights: values' shape, fp32, or bf16 on a GPU, rounded to nearest, ties to even.</param>
    /// <param name="parts">The weights.</param>
    /// <param name="force">
    /// Whether to replace the stored rows by N(w) first. Compute weights are made from what is stored, so that a later call that forces nothing gives the same bits.
    /// </param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, a part is malformed or leaves the slab, parts overlap, or a tensor is dual or on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Make(ComputeProgram program, Tensor values, Tensor compute, IReadOnlyList<WeightNormPart> parts, bool force)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(compute);
        Expect.Activations(Name, compute);
        WeightNormPart[] all = Checked(values, compute, parts);
        program.Emit(
            force ? $"{Name}.force" : $"{Name}.make", [values, compute], force ? [values, compute] : [compute], // entries in no part are kept, so compute is read
            cpu => MakeCpu(cpu, values, compute, all, force), gpu => MakeGpu(gpu, values, compute, all, force));
    }

    /// <summary>Records the steps that turn gradients by the compute weights into gradients by the master weights and by the gains.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="values">Slab of master weights, fp32; only read.</param>
    /// <param name="gradients">
    /// Gradients of values' shape, fp32, replaced in place: once after all micro-batches. The gradient of a gain is overwritten, since no product has added to it.
    /// </param>
    /// <param name="parts">The weights, as for <see cref="Make"/>.</param>
    /// <exception cref="ArgumentException">As for <see cref="Make"/>.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Backward(ComputeProgram program, Tensor values, Tensor gradients, IReadOnlyList<WeightNormPart> parts)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(gradients);
        Expect.Float32(Name, gradients);
        WeightNormPart[] all = Checked(values, gradients, parts);
        GainTable gains = new(all);
        Tensor? partials = gains.Rows > 0 ? program.Allocate(new Shape(gains.Rows), type: DType.Float64) : null;
        program.Emit(
            $"{Name}.backward", [values, gradients], [gradients, partials],
            cpu => BackwardCpu(cpu, values, gradients, all, gains, partials), gpu => BackwardGpu(gpu, values, gradients, all, gains, partials));
        if (partials is not null)
        {
            program.Emit(
                $"{Name}.gains", [partials, gradients], [gradients],
                _ => GainsCpu(partials, gradients, gains), gpu => GainsGpu(gpu, partials, gradients, gains));
        }
    }

    /// <summary>Throws unless values and the slab beside them fit the parts; returns the parts in order of their start.</summary>
    private static WeightNormPart[] Checked(Tensor values, Tensor other, IReadOnlyList<WeightNormPart> parts)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(parts);
        Expect.Float32(Name, values);
        Expect.NoTangent(Name, values, other);
        if (other.Shape != values.Shape)
            throw new ArgumentException($"{Name}: values {values} and {other} differ in shape");
        if (parts.Count == 0)
            throw new ArgumentException($"{Name}: there are no parts");
        WeightNormPart[] all = [.. parts.OrderBy(part => part.Start)];
        foreach ((int i, WeightNormPart part) in all.Index())
        {
            if (part.Start < 0 || part.Rows < 1 || part.Columns < 1 || part.Taps < 1 || part.Columns % part.Taps != 0
                || part.Split < 0 || part.Split > part.Channels || part.Gain < -1)
            {
                throw new ArgumentException($"{Name}: {part} is malformed");
            }

            long end = i + 1 < all.Length ? all[i + 1].Start : values.Count;
            if (part.End > end)
                throw new ArgumentException($"{Name}: {part} ends at {part.End}, beyond the next part or the slab at {end}");
            if (part.Gain >= values.Count || all.Any(each => part.Gain >= each.Start && part.Gain < each.End))
                throw new ArgumentException($"{Name}: the gain of {part} lies in a part, or beyond the slab of {values.Count}");
        }

        return all;
    }

    /// <summary>sum(G w) / (K n (n + epsilon)): what the gradient has along the row, where the norm takes it out; 0 for a row of zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Radial(double projection, double n, int columns)
    {
        double divisor = columns * n * (n + Epsilon);
        return divisor > 0 ? projection / divisor : 0;
    }

    /// <summary>Where the sums of rows go whose gains need gradients: the rows of a gain are consecutive.</summary>
    private sealed class GainTable
    {
        private readonly Dictionary<WeightNormPart, int> first = new(ReferenceEqualityComparer.Instance);

        public GainTable(IEnumerable<WeightNormPart> parts)
        {
            foreach (IGrouping<int, WeightNormPart> each in parts.Where(part => part.Gain >= 0).GroupBy(part => part.Gain))
            {
                Sums.Add((each.Key, Rows, each.Sum(part => part.Rows)));
                foreach (WeightNormPart part in each)
                {
                    first[part] = Rows;
                    Rows += part.Rows;
                }
            }
        }

        /// <summary>For each gain its index in the slab, its first row and its number of rows.</summary>
        public List<(int Gain, int First, int Count)> Sums { get; } = [];

        /// <summary>Number of rows of all gains.</summary>
        public int Rows { get; }

        /// <summary>Place of a part's first row; -1 if the part has no gain.</summary>
        public int FirstOf(WeightNormPart part) => first.GetValueOrDefault(part, -1);
    }
}

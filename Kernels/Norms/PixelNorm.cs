using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// y = r x with r = (mean x^2 + epsilon)^(-1/2), the mean over the last axis: pixel normalisation (arXiv:1710.10196, section 4.2),
/// which bounds the adaptive scale and shift of a network that is differentiated in time (arXiv:2410.11081, section 4.1).
/// With the epsilon outside of the root, r = 1 / (sqrt(mean x^2) + epsilon), as in EDM2 (arXiv:2312.02696).
/// </summary>
/// <remarks>
/// With n the root, the Jacobian of a row, J = r I - y y' / (C n), is symmetric. Tangent: ty = r tx - y mean(y tx) / n. Backward:
/// dx += r dy - y mean(y dy) / n. In a row of zeros without an epsilon in the root, the second term is 0. Nothing is kept for the backward pass:
/// r is computed again.
/// </remarks>
public static partial class PixelNorm
{
    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(..., C), fp32.</param>
    /// <param name="epsilon">Added to the mean square, or to its root; not negative.</param>
    /// <param name="place">Where the epsilon is added.</param>
    /// <returns>A tensor of x's shape.</returns>
    /// <exception cref="ArgumentException">x is not stored as fp32, or epsilon is negative or not a number.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, float epsilon = 1e-8f, NormEpsilon place = NormEpsilon.InRoot)
    {
        Tensor rows = x.Reshape(x.Count / x.Shape.C, x.Shape.C);
        return Split(program, rows, [x.Shape.C], 1, epsilon, place)[0].Reshape(x.Shape.ToArray());
    }

    /// <summary>
    /// Cuts rows into parts, each a tensor of its own, and normalises runs of each part by themselves: one product and one launch serve many layers.
    /// The outputs carry tangents if x does. The gradient of a part without a reader is zero.
    /// </summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, C), fp32.</param>
    /// <param name="widths">Columns of each part; C in all.</param>
    /// <param name="runs">Number of runs of equal length in a part; divides every width.</param>
    /// <param name="epsilon">Added to the mean square, or to its root; not negative.</param>
    /// <param name="place">Where the epsilon is added.</param>
    /// <returns>(N, width) for each width.</returns>
    /// <exception cref="ArgumentException">x is not stored as fp32, the widths do not fit, or epsilon is negative or not a number.</exception>
    public static Tensor[] Split(
        ComputeProgram program, Tensor x, IReadOnlyList<int> widths, int runs, float epsilon = 1e-8f, NormEpsilon place = NormEpsilon.InRoot)
    {
        Expect.Float32("pixelnorm", x);
        if (!(epsilon >= 0))
            throw new ArgumentException($"pixelnorm: epsilon is {epsilon}, below zero");
        if (x.Shape.Rank != 2 || widths.Sum() != x.Shape.C || runs < 1 || widths.Any(width => width < runs || width % runs != 0))
            throw new ArgumentException($"pixelnorm: {x} does not fall into parts of {string.Join(", ", widths)} columns, each of {runs} runs");
        var added = new Epsilons(epsilon, place);
        int rows = x.Shape.N;
        // One tensor, so that one launch writes all parts; each part's tangent follows its primal.
        Tensor y = program.Allocate(new Shape(x.StoredN, x.Shape.C));
        var parts = new Tensor[widths.Count];
        for (int i = 0, column = 0; i < parts.Length; column += widths[i++])
            parts[i] = y.Slice((long)column * x.StoredN, new Shape(rows, widths[i]), x.HasTangent);
        Run[] all = RunsOf(widths, runs);
        program.Emit(
            x.HasTangent ? "pixelnorm.tangent" : "pixelnorm.forward", [x], [y],
            cpu => ForwardCpu(cpu, x, y, all, added), gpu => ForwardGpu(gpu, x, y, all, added));
        if (program.Tape is not { } tape || !tape.NeedsGradient(x))
            return parts;
        Tensor dy = program.Allocate(new Shape(rows, x.Shape.C));
        for (int i = 0, column = 0; i < parts.Length; column += widths[i++])
            tape.Reserve(parts[i].Primal, dy.Slice((long)column * rows, new Shape(rows, widths[i])));
        tape.Record(parts, [x], () => Backward(program, x.Primal, parts, dy, runs, added));
        return parts;
    }

    private static void Backward(ComputeProgram program, Tensor x, Tensor[] parts, Tensor dy, int runs, Epsilons added)
    {
        Tape tape = program.Tape!;
        int[] widths = [.. parts.Select(part => part.Shape.C)];
        bool[] read = [.. parts.Select(part => tape.HasCotangent(part.Primal))];
        for (int i = 0, column = 0; i < parts.Length; column += widths[i++])
        {
            Tensor part = parts[i].Primal;
            if (read[i] && tape.Cotangent(part) is var given && tape.IsSeeded(part)) // from outside, so not where it was reserved
                Copy.Into(program, given, dy.Slice((long)column * x.Shape.N, part.Shape));
        }

        if (tape.Slot(program, x) is not { } dx)
            return;
        Run[] all = RunsOf(widths, runs, read);
        program.Emit(
            "pixelnorm.backward", [x, dy, dx.ReadTensor], [dx.Tensor],
            cpu => BackwardCpu(cpu, x, dy, dx, all, added), gpu => BackwardGpu(gpu, x, dy, dx, all, added));
    }

    private static Run[] RunsOf(IReadOnlyList<int> widths, int runs, bool[]? read = null)
    {
        var all = new List<Run>(widths.Count * runs);
        for (int i = 0, first = 0; i < widths.Count; first += widths[i++])
            for (int run = 0, length = widths[i] / runs; run < runs; run++)
                all.Add(new Run(first + run * length, length, first, read is null || read[i] ? widths[i] : 0));
        return [.. all];
    }

    /// <summary>The epsilons in and outside of the root, of which one is zero.</summary>
    internal readonly struct Epsilons(float epsilon, NormEpsilon place)
    {
        public readonly float InRoot = place == NormEpsilon.InRoot ? epsilon : 0f;
        public readonly float Outside = place == NormEpsilon.Outside ? epsilon : 0f;
    }

    /// <summary>Factors of a run: r, and 1 / n, which is 0 if n is.</summary>
    internal struct Factors
    {
        public float R, OverRoot;

        public static Factors Of(float meanSquare, Epsilons added)
        {
            float root = MathF.Sqrt(meanSquare + added.InRoot);
            Factors result;
            result.R = 1f / (root + added.Outside);
            result.OverRoot = root > 0f ? 1f / root : 0f;
            return result;
        }
    }

    /// <summary>Columns that are normalised together: four words, the form that kernels take.</summary>
    /// <param name="column">First column.</param>
    /// <param name="length">Number of columns.</param>
    /// <param name="first">First column of the run's part.</param>
    /// <param name="width">Columns of the run's part; 0 where the part has no cotangent.</param>
    internal readonly struct Run(int column, int length, int first, int width)
    {
        public readonly int Column = column;
        public readonly int Length = length;
        public readonly int First = first;
        public readonly int Width = width;

        /// <summary>Index at which the run of a row begins in a tensor that holds the parts one after another, each with <paramref name="storedRows"/> rows.</summary>
        public int At(int row, int storedRows) => storedRows * First + row * Width + Column - First;
    }
}

using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="Attention"/> with a number of heads of <c>depth</c> channels over images of height x width = length rows.</summary>
internal sealed class AttentionCase(int images, int heads, int height, int width, int depth, DType type, string direction)
    : KernelCase("attention", direction, $"b{images} h{heads} l{height * width} d{depth}", type)
{
    private const int SampledRows = 16;

    public static readonly CaseFamily Kind = new(
        "attention", "b IMAGES h HEADS l LENGTH d DEPTH, without the blanks: b256 h1 l256 d256", @"b(?<b>\d+) h(?<h>\d+) l(?<l>\d+) d(?<d>\d+)",
        [Suite.Direction.Forward, Suite.Direction.Tangent, Suite.Direction.Backward], OfWords)
    {
        Shapes = scope => scope.Shapes(["b2 h2 l6 d8"], ["b4 h4 l128 d32"], layers => layers.Attentions),
    };

    public override bool UsesTensorCores => true;

    /// <summary>
    /// A product of length x length x depth is 2 L L D operations. Forward has two (Q K^T and P V), forward with tangent six, and backward five, one
    /// of which computes the scores again, since they are not stored.
    /// </summary>
    public override double Flops => Products * 2.0 * images * heads * Length * Length * depth;

    /// <summary>Forward reads qkv and writes y, each with a tangent if dual; backward reads qkv, y and dy, and writes dqkv.</summary>
    public override double Bytes => Stored((double)images * heads * Length * depth * (Direction == Suite.Direction.Backward ? 3 + 1 + 1 + 3 : IsDual ? 8 : 4));

    private long Length => (long)height * width;

    private bool IsDual => Direction == Suite.Direction.Tangent;

    private int Products => Direction switch
    {
        Suite.Direction.Forward => 2,
        Suite.Direction.Tangent => 6,
        _ => 5,
    };

    public override RecordedKernel Record(ComputeDevice device)
    {
        var qkv = new Operand(device, new Shape(images, height, width, 3 * heads * depth), Type, 1, dual: IsDual);
        bool backward = Direction == Suite.Direction.Backward;
        var program = new ComputeProgram(device) { Tape = backward ? new Tape() : null, Checked = true };
        if (!backward)
        {
            Tensor y = Attention.Apply(program, qkv.Tensor, heads);
            return new RecordedKernel(program, 0, [y], () => ForwardError(y, qkv), qkv);
        }

        Tape tape = program.Tape!;
        qkv.Differentiate(tape);
        Tensor output = Attention.Apply(program, qkv.Tensor, heads);
        int first = program.Steps.Count;
        var cotangent = new Operand(device, output.Shape, Type, 2);
        tape.Seed(output, cotangent.Tensor);
        tape.Backward();
        Tensor gradient = tape.Cotangent(qkv.Tensor);
        return new RecordedKernel(program, first, [gradient, output], () => BackwardError(gradient, qkv, cotangent), qkv, cotangent);
    }

    /// <summary>Splits the length into a height and a width that are as equal as possible, since the op takes images.</summary>
    private static AttentionCase OfWords(ShapeWords shape, string direction, DType type)
    {
        int length = shape["l"], height = (int)Math.Sqrt(length);
        while (length % height != 0)
            height--;
        return new AttentionCase(shape["b"], shape["h"], height, length / height, shape["d"], type, direction);
    }

    private AttentionHead Head(Operand qkv, int image, int head, bool dual) => new(qkv, image, head, heads, (int)Length, depth, dual);

    private double ForwardError(Tensor y, Operand qkv)
    {
        var error = new SampledError();
        foreach (long place in SampledError.Places(images * heads * Length, SampledRows))
        {
            (int image, int head, int row) = ((int)(place / Length / heads), (int)(place / Length % heads), (int)(place % Length));
            (double[] o, double[] to) = Head(qkv, image, head, IsDual).Row(row);
            long start = ((image * Length + row) * heads + head) * depth;
            error.Add(y.Primal, start, o);
            if (IsDual)
                error.Add(y.Tangent, start, to);
        }

        return error.Relative;
    }

    /// <summary>Checks only the first and the last head, since a gradient of keys and values needs every row of its head.</summary>
    private double BackwardError(Tensor gradient, Operand qkv, Operand cotangent)
    {
        var error = new SampledError();
        foreach ((int image, int head) in new[] { (0, 0), (images - 1, heads - 1) })
        {
            int[] rows = [.. SampledError.Places(Length, SampledRows).Select(row => (int)row)];
            double[][,] expected = Head(qkv, image, head, dual: false).Gradients(cotangent, rows);
            for (int part = 0; part < 3; part++)
                for (int r = 0; r < rows.Length; r++)
                {
                    double[] row = [.. Enumerable.Range(0, depth).Select(d => expected[part][r, d])];
                    error.Add(gradient, (((image * Length + rows[r]) * 3 + part) * heads + head) * depth, row);
                }
        }

        return error.Relative;
    }
}

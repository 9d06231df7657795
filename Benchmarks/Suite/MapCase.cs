using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>
/// An op from one tensor x to one tensor y, measured forward, forward with tangent, or backward. A derived class records the op and computes the
/// elements of each result in float64.
/// </summary>
/// <inheritdoc/>
public abstract class MapCase(string family, string direction, string shape, DType type) : KernelCase(family, direction, shape, type)
{
    private const int Samples = 512;

    /// <summary>The three directions of such an op.</summary>
    public static IReadOnlyList<string> Directions { get; } = [Suite.Direction.Forward, Suite.Direction.Tangent, Suite.Direction.Backward];

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Whether x and y have tangents.</summary>
    protected bool IsDual => Direction == Suite.Direction.Tangent;

    /// <summary>Whether the gradient of x is measured.</summary>
    protected bool IsBackward => Direction == Suite.Direction.Backward;

    /// <summary>Shape of x.</summary>
    protected abstract Shape Input { get; }

    /// <summary>Storage type of x.</summary>
    protected virtual DType InputType => Type;

    /// <summary>Records the op on x; returns y.</summary>
    protected abstract Tensor Apply(ComputeProgram program, Tensor x);

    /// <summary>Returns element <paramref name="i"/> of y in float64.</summary>
    protected abstract double Value(Operand x, long i);

    /// <summary>Returns element <paramref name="i"/> of y's tangent in float64. The tangent of element j of x is x[count + j].</summary>
    protected abstract double Tangent(Operand x, long count, long i);

    /// <summary>Returns element <paramref name="i"/> of x's gradient in float64, where dy is the cotangent of y.</summary>
    protected abstract double Gradient(Operand x, Operand dy, long i);

    /// <inheritdoc/>
    public sealed override RecordedKernel Record(ComputeDevice device)
    {
        var x = new Operand(device, Input, InputType, 1, dual: IsDual);
        var program = new ComputeProgram(device) { Tape = IsBackward ? new Tape() : null, Checked = true };
        if (program.Tape is not { } tape)
        {
            Tensor result = Apply(program, x.Tensor);
            return new RecordedKernel(program, 0, [result], () => ForwardError(x, result), [x, .. Others()]);
        }

        x.Differentiate(tape);
        Tensor y = Apply(program, x.Tensor);
        int first = program.Steps.Count;
        var dy = new Operand(device, y.Shape, y.Type, 2);
        tape.Seed(y, dy.Tensor);
        tape.Backward();
        Tensor dx = tape.Cotangent(x.Tensor);
        return new RecordedKernel(program, first, [dx], () => new SampledError().Add(dx, Places(dx), i => Gradient(x, dy, i)).Relative, [x, dy, .. Others()]);
    }

    /// <summary>Further operands that <see cref="Apply"/> has created, which the recorded kernel releases.</summary>
    protected virtual IEnumerable<IDisposable> Others() => [];

    private static IEnumerable<long> Places(Tensor tensor) => SampledError.Places(tensor.Count, Samples);

    private double ForwardError(Operand x, Tensor y)
    {
        double error = new SampledError().Add(y.Primal, Places(y), i => Value(x, i)).Relative;
        return IsDual ? Math.Max(error, new SampledError().Add(y.Tangent, Places(y), i => Tangent(x, x.Tensor.Shape.Count, i)).Relative) : error;
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y = x in another storage type, rounded to nearest with ties to even; the last axis may lose or gain channels.</summary>
/// <remarks>
/// Linear but for the rounding. Channels gained are zero: copies by hardware want rows of 16 bytes. Backward: dx += dy in x's
/// type, 0 for channels lost.
/// </remarks>
public static partial class Cast
{
    private const string Name = "cast";

    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(..., C), fp32 or bf16.</param>
    /// <param name="type">fp32 or bf16.</param>
    /// <param name="channels">K, channels of the output; 0 for those of x. The first min(C, K) are x's, further ones 0.</param>
    /// <returns>A tensor (..., K); x itself if neither type nor channels change.</returns>
    /// <exception cref="ArgumentException">A type is neither fp32 nor bf16, or K is negative.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, DType type, int channels = 0)
    {
        if (channels == 0)
            channels = x.Shape.C;
        Check(x.Type, type);
        if (channels < 0)
            throw new ArgumentException($"{Name}: {x} to {channels} channels");
        if (type == x.Type && channels == x.Shape.C)
            return x;

        int[] extents = x.Shape.ToArray();
        extents[^1] = channels;
        Tensor y = program.Allocate(new Shape(extents), x.HasTangent, type);
        Emit(program, "forward", x, new GradientSlot(y, false));
        program.Tape?.Record(y, [x], () =>
        {
            Tensor dy = program.Tape.Cotangent(y.Primal);
            if (program.Tape.Slot(program, x.Primal) is { } dx)
                Emit(program, "backward", dy, dx);
        });
        return y;
    }

    /// <summary>Writes the stored elements of one tensor over another's: a bf16 copy of fp32 weights, say. No gradient flows.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="source">fp32 or bf16.</param>
    /// <param name="target">fp32 or bf16, of the source's shape, with a tangent exactly if the source has one.</param>
    /// <exception cref="ArgumentException">Shapes differ, or a type is neither fp32 nor bf16.</exception>
    public static void Into(ComputeProgram program, Tensor source, Tensor target) => IntoGradient(program, source, new GradientSlot(target, Accumulate: false));

    /// <summary>The same into a gradient, which may hold something that is added to.</summary>
    internal static void IntoGradient(ComputeProgram program, Tensor source, GradientSlot target)
    {
        Check(source.Type, target.Tensor.Type);
        if (source.Shape != target.Tensor.Shape || source.HasTangent != target.Tensor.HasTangent)
            throw new ArgumentException($"{Name}: {source} does not fit {target.Tensor}");
        Emit(program, "forward", source, target);
    }

    private static void Emit(ComputeProgram program, string direction, Tensor source, GradientSlot target) => program.Emit(
        $"{Name}.{direction}", [source, target.ReadTensor], [target.Tensor],
        cpu => CastCpu(cpu, source, target), gpu => CastGpu(gpu, source, target));

    private static void Check(DType from, DType to)
    {
        if (from is not (DType.Float32 or DType.BFloat16) || to is not (DType.Float32 or DType.BFloat16))
            throw new ArgumentException($"{Name}: from {from} to {to}: only between {DType.Float32} and {DType.BFloat16}");
    }
}

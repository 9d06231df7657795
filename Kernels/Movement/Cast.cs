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
        Into(program, $"{Name}.forward", x, new GradientSlot(y, false));
        program.Tape?.Record(y, [x], () =>
        {
            Tensor dy = program.Tape.Cotangent(y.Primal);
            if (program.Tape.Slot(program, x.Primal) is { } dx)
                Into(program, $"{Name}.backward", dy, dx);
        });
        return y;
    }

    /// <summary>Writes the stored elements of one tensor over another's: a bf16 copy of fp32 weights, say. No gradient flows.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="source">fp32 or bf16.</param>
    /// <param name="target">fp32 or bf16, of the source's shape, with a tangent exactly if the source has one.</param>
    /// <exception cref="ArgumentException">Shapes differ, or a type is neither fp32 nor bf16.</exception>
    public static void Into(ComputeProgram program, Tensor source, Tensor target)
    {
        if (source.Shape != target.Shape || source.HasTangent != target.HasTangent)
            throw new ArgumentException($"{Name}: {source} does not fit {target}");
        Into(program, $"{Name}.forward", source, new GradientSlot(target, false));
    }

    /// <summary>Records a copy in another type, off the tape; the tensor itself where it has that type already.</summary>
    internal static Tensor To(ComputeProgram program, string step, Tensor source, Shape shape, DType type)
    {
        if (source.Shape == shape && source.Type == type)
            return source;
        Tensor target = program.Allocate(shape, source.HasTangent, type);
        Into(program, step, source, new GradientSlot(target, false));
        return target;
    }

    /// <summary>Records the copy of one tensor over another, or its addition, off the tape.</summary>
    /// <exception cref="ArgumentException">A type is neither fp32 nor bf16.</exception>
    internal static void Into(ComputeProgram program, string step, Tensor source, GradientSlot target)
    {
        Check(source.Type, target.Tensor.Type);
        program.Emit(step, [source, target.ReadTensor], [target.Tensor], cpu => CastCpu(cpu, source, target), gpu => CastGpu(gpu, source, target));
    }

    private static void Check(DType from, DType to)
    {
        if (from is not (DType.Float32 or DType.BFloat16) || to is not (DType.Float32 or DType.BFloat16))
            throw new ArgumentException($"{Name}: from {from} to {to}: only between {DType.Float32} and {DType.BFloat16}");
    }
}

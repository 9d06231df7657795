using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Conditions that many ops put to their tensors; each failure is an <see cref="ArgumentException"/> that names the op.</summary>
internal static class Expect
{
    /// <summary>Every tensor given is stored in fp32; null entries are passed over.</summary>
    public static void Float32(string op, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
            if (tensor is not null && tensor.Type != DType.Float32)
                throw new ArgumentException($"{op}: {tensor} is not stored as {DType.Float32}");
    }

    /// <summary>No tensor given carries a tangent, since the op has no rule for one; null entries are passed over.</summary>
    public static void NoTangent(string op, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
            if (tensor is { HasTangent: true })
                throw new ArgumentException($"{op}: {tensor} carries a tangent, for which the op has no rule");
    }

    /// <summary>No gradient is wanted of any tensor given, since the op has no backward rule; null entries are passed over.</summary>
    public static void NoGradient(string op, ComputeProgram program, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
            if (tensor is not null && program.Tape is { } tape && tape.Needs(tensor))
                throw new ArgumentException($"{op}: a gradient of {tensor} is wanted, for which the op has no rule");
    }
}

namespace TrigFlowNative.Engine;

/// <summary>Conditions that many ops put to their tensors; each failure is an <see cref="ArgumentException"/> that names the op.</summary>
public static class Expect
{
    /// <summary>Every tensor given is stored in fp32; null entries are passed over.</summary>
    public static void Float32(string op, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
            if (tensor is not null && tensor.Type != DType.Float32)
                throw new ArgumentException($"{op}: {tensor} is not stored as {DType.Float32}");
    }

    /// <summary>
    /// Every tensor given is stored in the same type, fp32 or, where the kernels have it, bf16; null entries are passed over.
    /// </summary>
    public static void Activations(string op, params ReadOnlySpan<Tensor?> tensors)
    {
        DType? type = null;
        foreach (Tensor? tensor in tensors)
        {
            if (tensor is null)
                continue;
            if (tensor.Type is not (DType.Float32 or DType.BFloat16))
                throw new ArgumentException($"{op}: {tensor} is stored neither as {DType.Float32} nor as {DType.BFloat16}");
            if (tensor.Type == DType.BFloat16 && tensor.Device is CpuDevice)
                throw new ArgumentException($"{op}: {tensor}: {DType.BFloat16} needs a GPU");
            if (tensor.Type != (type ??= tensor.Type))
                throw new ArgumentException($"{op}: {tensor} is not stored as {type}, as another operand is");
        }
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

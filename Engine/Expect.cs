namespace TrigFlowNative.Engine;

/// <summary>Checks that many ops make of their tensors; a failure is an <see cref="ArgumentException"/> that names the op.</summary>
public static class Expect
{
    /// <summary>Requires that every tensor is stored in fp32; null entries are ignored.</summary>
    /// <exception cref="ArgumentException">A tensor is not stored in fp32.</exception>
    public static void Float32(string op, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
            if (tensor is not null && tensor.Type != DType.Float32)
                throw new ArgumentException($"{op}: {tensor} is not stored as {DType.Float32}");
    }

    /// <summary>Requires that all tensors are stored in one type: fp32, or bf16 on a GPU. Null entries are ignored.</summary>
    /// <exception cref="ArgumentException">A tensor has another type, is bf16 on the host, or differs in type from another.</exception>
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

    /// <summary>Requires that no tensor carries a tangent, since the op has no rule for one; null entries are ignored.</summary>
    /// <exception cref="ArgumentException">A tensor carries a tangent.</exception>
    public static void NoTangent(string op, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
            if (tensor is { HasTangent: true })
                throw new ArgumentException($"{op}: {tensor} carries a tangent, for which the op has no rule");
    }

    /// <summary>Requires that no tensor needs a gradient, since the op has no backward rule; null entries are ignored.</summary>
    /// <exception cref="ArgumentException">A tensor needs a gradient on the program's tape.</exception>
    public static void NoGradient(string op, ComputeProgram program, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
            if (tensor is not null && program.Tape is { } tape && tape.NeedsGradient(tensor))
                throw new ArgumentException($"{op}: {tensor} needs a gradient, for which the op has no rule");
    }
}

namespace TrigFlowNative.Kernels;

/// <summary>
/// How a product of fp32 matrices is computed. Tensor cores multiply bf16, which has 8 significant bits: a number is written as a sum of bf16 numbers, and the
/// products of the parts are added in fp32, the smallest first. The relative error of a sum, in L2 over random data, is stated for each.
/// </summary>
public enum MatrixArithmetic
{
    /// <summary>fp32 multiplications and additions: about 3e-7. The only one of the host.</summary>
    Fp32,

    /// <summary>Two parts, three products: about 5e-6.</summary>
    Bf16Times3,

    /// <summary>Three parts, six products: about 3e-7, as in fp32.</summary>
    Bf16Times6,
}

/// <summary>The parts of <see cref="MatrixArithmetic"/>.</summary>
internal static class MatrixParts
{
    /// <summary>Parts of the left factor side by side, for which <see cref="Right"/> has those of the right one: part 0 is the number rounded to bf16, part 1 what that leaves, rounded, and so on.</summary>
    public static ReadOnlySpan<int> Left(MatrixArithmetic arithmetic) => arithmetic switch
    {
        MatrixArithmetic.Bf16Times3 => [1, 0, 0],
        MatrixArithmetic.Bf16Times6 => [2, 1, 0, 1, 0, 0],
        _ => [0],
    };

    /// <summary>Parts of the right factor, see <see cref="Left"/>.</summary>
    public static ReadOnlySpan<int> Right(MatrixArithmetic arithmetic) => arithmetic switch
    {
        MatrixArithmetic.Bf16Times3 => [0, 1, 0],
        MatrixArithmetic.Bf16Times6 => [0, 1, 2, 0, 1, 0],
        _ => [0],
    };
}

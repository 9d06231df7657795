using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Lists the pairs (i, j) of rows x[i] and y[j] whose squared distance may be at most max(boundX[i], boundY[j]): all that are, and those that the error of the products
/// does not exclude. With it, neighbours among many rows are found without a matrix of all distances on the host.
/// </summary>
/// <remarks>
/// The squared distance is |x|^2 + |y|^2 - 2 x y. A pair is listed if (|x|^2 + |y|^2)(1 - error) - 2 x y is at most the bound. Rows that fill up a tile have the square
/// infinity and are never listed. The order of pairs is not fixed; no tangent, no gradient.
/// </remarks>
public static partial class PairsWithin
{
    private const string Name = "pairs-within";

    /// <summary>Applies the op. The list is written anew at each run.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="products">x y (R, C), fp32, on its last two axes.</param>
    /// <param name="x">Squares |x|^2 and bounds (2, R), fp32.</param>
    /// <param name="y">Squares |y|^2 and bounds (2, C), fp32.</param>
    /// <param name="error">Bound of the error of an estimate over |x|^2 + |y|^2, from 0 to 1.</param>
    /// <param name="list">Receives, in Int32 (1 + capacity), the number of pairs, which may exceed the capacity, and the pairs as i C + j.</param>
    /// <exception cref="ArgumentException">A shape or a type does not fit, or a number is out of range.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Apply(ComputeProgram program, Tensor products, Tensor x, Tensor y, float error, Tensor list)
    {
        Expect.Float32(Name, products, x, y);
        ArgumentNullException.ThrowIfNull(list);
        foreach (Tensor each in new[] { products, x, y })
        {
            Expect.NoTangent(Name, each);
            Expect.NoGradient(Name, program, each);
        }

        if (products.Shape.Rank != 2 || x.Shape != new Shape(2, products.Shape[0]) || y.Shape != new Shape(2, products.Shape[1]))
            throw new ArgumentException($"{Name}: products {products}, x {x}, y {y}; wanted (R, C), (2, R), (2, C)");
        if (!(error is >= 0 and < 1) || list.Type != DType.Int32 || list.Shape.Rank != 1 || list.Count < 2)
            throw new ArgumentException($"{Name}: error {error} and list {list}; wanted 0 to 1, and (1 + capacity) Int32");
        program.Emit($"{Name}.forward", [products, x, y], [list], cpu => ForwardCpu(cpu, products, x, y, 1 - error, list), gpu => ForwardGpu(gpu, products, x, y, 1 - error, list));
    }
}

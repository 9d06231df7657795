using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The sequence of tokens of a vision transformer (arXiv:2010.11929): y[n, 0] = table[0], the class token with its position, and y[n, 1 + i] = patches[n, i] +
/// table[1 + i], the patches with theirs.
/// </summary>
/// <remarks>Forward only: networks that judge images are not trained here.</remarks>
public static partial class TokenSequence
{
    private const string Name = "token-sequence";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="patches">(N, H, W, C), fp32; pixels are patches, in the order of lines.</param>
    /// <param name="table">(1 + H W, C), fp32.</param>
    /// <returns>(N, 1, 1 + H W, C).</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or a tensor is dual or needs a gradient.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor patches, Tensor table)
    {
        Expect.Float32(Name, patches, table);
        Expect.NoTangent(Name, patches, table);
        Expect.NoGradient(Name, program, patches, table);
        if (patches.Shape.Rank != 4 || table.Shape != new Shape(1 + patches.Shape.H * patches.Shape.W, patches.Shape.C))
            throw new ArgumentException($"{Name}: patches {patches}, table {table}; wanted (N, H, W, C), (1 + H W, C)");
        Tensor y = program.Allocate(new Shape(patches.Shape.N, 1, table.Shape.N, table.Shape.C));
        program.Emit($"{Name}.forward", [patches, table], [y], cpu => ForwardCpu(cpu, patches, table, y), gpu => ForwardGpu(gpu, patches, table, y));
        return y;
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Doubles or halves an image with a 2x2 box filter: up copies a pixel to four, down takes the mean of four.</summary>
/// <remarks>
/// Linear. Let S copy each pixel to its 2x2 block; its adjoint S' sums each block. Then up = S with the backward pass
/// dx += S' dy, and down = S' / 4 with dx += S dy / 4.
/// </remarks>
public static partial class Resample2d
{
    /// <summary>Nearest-neighbour doubling: y[n, i, j, c] = x[n, i / 2, j / 2, c].</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">Images (N, H, W, C), fp32, or bf16 on a GPU.</param>
    /// <returns>Images (N, 2 H, 2 W, C), with a tangent if x has one.</returns>
    /// <exception cref="ArgumentException">x is not (N, H, W, C), neither fp32 nor bf16 on a GPU, or on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Up(ComputeProgram program, Tensor x)
    {
        const string op = "resample2d.up";
        Expect.Activations(op, x);
        if (x.Shape.Rank != 4)
            throw new ArgumentException($"{op}: {x} is not (N, H, W, C)");
        Tensor y = program.Allocate(new Shape(x.Shape.N, 2 * x.Shape.H, 2 * x.Shape.W, x.Shape.C), x.HasTangent, x.Type);
        EmitSpread(program, op + ".forward", x, new GradientSlot(y, false), 1f);
        program.Tape?.Record(y, [x], () =>
        {
            Tensor dy = program.Tape.Cotangent(y.Primal);
            if (program.Tape.Slot(program, x.Primal) is { } dx)
                EmitGather(program, op + ".backward", dy, dx, 1f);
        });
        program.Tape?.Recompute(y.Primal, () =>
        {
            Tensor again = program.Allocate(y.Shape, type: y.Type);
            EmitSpread(program, op + ".forward", program.Tape.Kept(x.Primal), new GradientSlot(again, false), 1f);
            return again;
        });
        return y;
    }

    /// <summary>Mean of each 2x2 block: y[n, i, j, c] = (x[n, 2i, 2j, c] + x[n, 2i, 2j+1, c] + x[n, 2i+1, 2j, c] + x[n, 2i+1, 2j+1, c]) / 4.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">Images (N, H, W, C) with even H and W, fp32, or bf16 on a GPU.</param>
    /// <returns>Images (N, H / 2, W / 2, C), with a tangent if x has one.</returns>
    /// <exception cref="ArgumentException">x is not (N, H, W, C) with even H and W, neither fp32 nor bf16 on a GPU, or on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Down(ComputeProgram program, Tensor x)
    {
        const string op = "resample2d.down";
        Expect.Activations(op, x);
        if (x.Shape.Rank != 4 || x.Shape.H % 2 != 0 || x.Shape.W % 2 != 0)
            throw new ArgumentException($"{op}: {x} is not (N, H, W, C) with even H and W");
        Tensor y = program.Allocate(new Shape(x.Shape.N, x.Shape.H / 2, x.Shape.W / 2, x.Shape.C), x.HasTangent, x.Type);
        EmitGather(program, op + ".forward", x, new GradientSlot(y, false), 0.25f);
        program.Tape?.Record(y, [x], () =>
        {
            Tensor dy = program.Tape.Cotangent(y.Primal);
            if (program.Tape.Slot(program, x.Primal) is { } dx)
                EmitSpread(program, op + ".backward", dy, dx, 0.25f);
        });
        return y;
    }

    private static void EmitSpread(ComputeProgram program, string op, Tensor coarse, GradientSlot fine, float scale) => program.Emit(
        op, [coarse, fine.ReadTensor], [fine.Tensor],
        cpu => SpreadCpu(cpu, coarse, fine, scale), gpu => SpreadGpu(gpu, coarse, fine, scale));

    private static void EmitGather(ComputeProgram program, string op, Tensor fine, GradientSlot coarse, float scale) => program.Emit(
        op, [fine, coarse.ReadTensor], [coarse.Tensor],
        cpu => GatherCpu(cpu, fine, coarse, scale), gpu => GatherGpu(gpu, fine, coarse, scale));
}

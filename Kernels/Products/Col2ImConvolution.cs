using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A 3x3 convolution to few channels on tensor cores: a 1x1 convolution whose output channels are the taps of all outputs, which are then folded
/// (<see cref="Im2Col"/>), so that x is read once instead of at every tap. The taps' products are rounded to bf16 before they are added: 1e-3 of the
/// sum, as much as the rounding of the output.
/// </summary>
/// <param name="Program">Program that records the steps.</param>
/// <param name="Op">Name of the op.</param>
/// <param name="X">(N, H, W, C), bf16.</param>
/// <param name="Weight">(K, 3, 3, C), bf16.</param>
/// <param name="Bias">(K), fp32, or null.</param>
internal sealed record Col2ImConvolution(ComputeProgram Program, string Op, Tensor X, Tensor Weight, Tensor? Bias)
{
    private const Im2Col.Order Order = Im2Col.Order.TapsInChannels;
    private readonly ProductPath path = ProductKernels.On(Program.Device, Weight.Type);

    /// <summary>The weight as rows, one for each tap of each output.</summary>
    private Shape Rows => new(Im2Col.Taps * Weight.Shape[0], 1, 1, Weight.Shape.C);

    /// <summary>The weight's rows, padded to a number that the kernels take.</summary>
    private Shape PaddedRows => new(Im2Col.Count(Weight.Shape[0]), 1, 1, Weight.Shape.C);

    /// <summary>The taps of all outputs as channels.</summary>
    private Shape Taps => new(X.Shape.N, X.Shape.H, X.Shape.W, PaddedRows[0]);

    /// <summary>Records the forward pass and leaves the backward pass on the tape.</summary>
    public Tensor Record()
    {
        Tensor weight = Cast.To(Program, $"{Op}.pack", Weight.Reshape(Rows.ToArray()), PaddedRows, Weight.Type);
        Tensor taps = Program.Allocate(Taps, X.HasTangent, X.Type), y = Program.Allocate(new Shape(X.Shape.N, X.Shape.H, X.Shape.W, Weight.Shape[0]), X.HasTangent, X.Type);
        Program.Emit($"{Op}.forward", [X, weight], [taps], OnHost, gpu => path.Forward(gpu, ConvExtents.Of(X, weight), new(X, weight), taps));
        Im2Col.Fold(Program, $"{Op}.taps", taps, Bias, new GradientSlot(y, false), Order, 1);
        Program.Tape?.Record(y, [X, Weight, Bias], () => Backward(X.Primal, weight, y.Primal));
        return y;
    }

    private void Backward(Tensor x, Tensor weight, Tensor y)
    {
        Tape tape = Program.Tape!;
        Tensor dy = tape.Cotangent(y), dTaps = Program.Allocate(Taps, type: X.Type);
        Im2Col.Unfold(Program, $"{Op}.backward.taps", dy, dTaps, Order, -1);
        if (tape.Slot(Program, x) is { } dx)
            Program.Emit(
                $"{Op}.backward.x", [dTaps, weight, dx.ReadTensor], [dx.Tensor], OnHost,
                gpu => path.InputGradient(gpu, ConvExtents.Of(dTaps, weight), dTaps, weight, 0, dx, 1));
        if (tape.Slot(Program, Weight) is { } dWeight)
            WeightGradient(x, dTaps, dWeight);
        if (Bias is not null && tape.Slot(Program, Bias) is { } dBias)
        {
            Tensor? partials = ColumnSum.Scratch(Program, dy.Count / dy.Shape.C, dy.Shape.C);
            Program.Emit($"{Op}.backward.bias", [dy, dBias.ReadTensor], [dBias.Tensor, partials], OnHost, gpu => ColumnSum.Gradient(gpu, dy, partials, dBias));
        }
    }

    private void WeightGradient(Tensor x, Tensor dTaps, GradientSlot dWeight)
    {
        var padded = new GradientSlot(Program.Allocate(PaddedRows), false);
        ConvExtents e = ConvExtents.Of(x, padded.Tensor);
        Tensor partials = path.Partials(Program, e);
        Program.Emit(
            $"{Op}.backward.weight", [x, dTaps], [padded.Tensor, partials], OnHost, gpu => path.WeightGradient(gpu, e, new(x, null, dTaps), partials, padded, null, 1));
        Cast.Into(Program, $"{Op}.backward.unpack", padded.Tensor, new GradientSlot(dWeight.Tensor.Reshape(Rows.ToArray()), dWeight.Accumulate));
    }

    private void OnHost(CpuDevice cpu) => throw new NotSupportedException($"{Op}: taps are channels on tensor cores alone");
}

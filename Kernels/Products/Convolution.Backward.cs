using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The backward pass: dx is the convolution of dy with the taps flipped and channels exchanged, dWeight is a product over pixels, dBias is the sum of
/// dy over pixels, which the kernel of the weight gradient computes where it can.
/// </summary>
internal sealed partial record Convolution
{
    /// <param name="x">Primal of X as the kernels read it: padded and cast.</param>
    /// <param name="weight">Weight as the kernels read it.</param>
    /// <param name="y">Primal of the output.</param>
    private void Backward(Tensor x, Tensor weight, Tensor y)
    {
        Tape tape = Program.Tape!;
        (Tensor dy, float factor) = Fuses ? tape.ScaledCotangent(y) : (tape.Cotangent(y), 1f);
        float scale = factor * Scale;
        if (Residual is not null)
            tape.Defer(Program, Residual.Primal, dy, scale, slot => ScaledAdd.EmitBackward(Program, dy, slot, null, scale));
        RecordGradients(x, weight, dy, scale);
        if (Shortcut is { } shortcut)
            new Convolution(Program, "linear", shortcut.X, shortcut.Weight) { XSkip = shortcut.XSkip, Bias = shortcut.Bias }.RecordGradients(shortcut.X.Primal, shortcut.Weight, dy, scale);
    }

    private void RecordGradients(Tensor x, Tensor weight, Tensor dy, float scale)
    {
        Tape tape = Program.Tape!;
        Tensor padded = Pad(dy);
        if (tape.Slot(Program, X.Primal) is { } dx)
            InputGradient(padded, weight, 0, scale, dx);
        if (XSkip is not null && tape.Slot(Program, XSkip.Primal) is { } dXSkip)
            InputGradient(padded, weight, X.Shape.C, scale, dXSkip);
        bool biasWanted = Bias is not null && tape.NeedsGradient(Bias), summed = false;
        if (tape.NeedsGradient(Weight))
        {
            summed = biasWanted && features.SumsBiasGradient && features.Takes(dy.Shape.C);
            WeightGradient(new(tape.Kept(x), XSkip?.Primal, padded), scale, tape.Slot(Program, Weight)!.Value, summed ? tape.Slot(Program, Bias!) : null);
        }

        if (biasWanted && !summed)
            BiasGradient(dy, scale, tape.Slot(Program, Bias!)!.Value);
    }

    private void InputGradient(Tensor dy, Tensor weight, int firstChannel, float scale, GradientSlot dx)
    {
        Shape shape = With(dx.Tensor.Shape, features.Padded(dx.Tensor.Shape.C));
        bool native = features.Writes(dx.Tensor.Type) && shape == dx.Tensor.Shape;
        GradientSlot target = native ? dx : new GradientSlot(Program.Allocate(shape, type: features.ElementType), false);
        Program.Emit(
            $"{Op}.backward.x", [dy, weight, target.ReadTensor], [target.Tensor], cpu => ConvolutionHost.InputGradient(cpu, dy, weight, target),
            gpu => path.InputGradient(gpu, ConvExtents.Of(dy, weight), dy, weight, firstChannel, target, scale));
        if (!native)
            Cast.Into(Program, $"{Op}.backward.unpack", target.Tensor, dx);
    }

    private void WeightGradient(WeightGradientOperands operands, float scale, GradientSlot dWeight, GradientSlot? dBias)
    {
        var slot = new GradientSlot(dWeight.Tensor.Reshape(Weight.Shape.ToArray()), dWeight.Accumulate);
        bool native = slot.Tensor.Type == DType.Float32 && slot.Tensor.Shape == PaddedWeight;
        GradientSlot target = native ? slot : new GradientSlot(Program.Allocate(PaddedWeight), false);
        ConvExtents e = ConvExtents.Of(operands.X, target.Tensor);
        Tensor? partials = Program.Device is GpuDevice ? path.Partials(Program, e) : null;
        Program.Emit(
            $"{Op}.backward.weight", [operands.X, operands.XSkip, operands.Dy, target.ReadTensor, dBias?.ReadTensor], [target.Tensor, partials, dBias?.Tensor],
            cpu => ConvolutionHost.WeightGradient(cpu, operands.X, operands.Dy, target), gpu => path.WeightGradient(gpu, e, operands, partials!, target, dBias, scale));
        if (!native)
            Cast.Into(Program, $"{Op}.backward.unpack", target.Tensor, slot);
    }

    private void BiasGradient(Tensor dy, float scale, GradientSlot dBias)
    {
        Tensor? partials = ColumnSum.Scratch(Program, dy.Count / dy.Shape.C, dy.Shape.C);
        Program.Emit(
            $"{Op}.backward.bias", [dy, dBias.ReadTensor], [dBias.Tensor, partials],
            cpu => ConvolutionHost.BiasGradient(cpu, dy, dBias), gpu => ColumnSum.Gradient(gpu, dy, partials, dBias, scale));
    }
}

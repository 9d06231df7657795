using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// What <see cref="Conv2d"/> and <see cref="Linear"/> record: y = scale (conv(x) + bias + residual) and its backward pass. Operands whose
/// type or channels the kernels of the device don't take are repacked before and after. The weight's type decides what is multiplied:
/// x in fp32 with a weight in bf16 is rounded for the product, whose output and gradient of x are fp32.
/// </summary>
internal sealed record ConvolutionSteps(ComputeProgram Program, string Op, Tensor X, Tensor Weight, Tensor? Bias, Tensor? Residual, float Scale)
{
    /// <summary>A tensor whose channels follow those of X, where <see cref="TensorProduct.TakesTwoSources"/>; else null.</summary>
    public Tensor? XSkip { get; init; }

    /// <summary>Added before scaling, where <see cref="TensorProduct.TakesShortcut"/>; else null. There is then a bias, and no residual.</summary>
    public ProjectionShortcut? Shortcut { get; init; }

    private DType ElementType => TensorProduct.ElementType(Program.Device, Weight.Type);

    /// <summary>The shape of the weight that the kernels take.</summary>
    private Shape PackedWeight => new(Channels(Weight.Shape[0]), Weight.Shape[1], Weight.Shape[2], Channels(Weight.Shape.C));

    /// <summary>Whether the kernels of a device add a residual and scale the sum on the way.</summary>
    public static bool Fuses(ComputeDevice device, Tensor x, int outputs) =>
        TensorProduct.OnTensorCores(device, x.Type) && TensorProduct.Channels(device, x.Type, outputs) == outputs;

    /// <summary>Records the forward pass and leaves the backward pass on the tape.</summary>
    public Tensor Record()
    {
        if (Weight.Type == DType.BFloat16 && Program.Device is CpuDevice)
            throw new ArgumentException($"{Op}: {X} and {Weight} on the host, where only {DType.Float32} is supported; bf16 needs a GPU");
        int outputs = Weight.Shape[0];
        Tensor y = Program.Allocate(new Shape(X.Shape.N, X.Shape.H, X.Shape.W, outputs), X.HasTangent, X.Type);
        Tensor x = Pack(X), weight = PackWeight();
        Tensor? bias = Bias is null ? null : Repack.To(Program, $"{Op}.pack", Bias, new Shape(Channels(outputs)), DType.Float32);
        bool native = Native(y.Type) && Channels(outputs) == outputs;
        Tensor sum = native ? y : Program.Allocate(With(y.Shape, Channels(outputs)), y.HasTangent, ElementType);
        Program.Emit(
            $"{Op}.forward", [x, XSkip, weight, bias, Residual, Shortcut?.X, Shortcut?.XSkip, Shortcut?.Weight, Shortcut?.Bias], [sum], cpu => Conv2d.ForwardCpu(cpu, x, weight, bias, sum),
            gpu => TensorProduct.Forward(gpu, x, XSkip, weight, bias, sum.Count / sum.Shape.C, Residual, Scale, sum, Shortcut));
        if (!native)
            Repack.Into(Program, $"{Op}.unpack", sum, new GradientSlot(y, false));
        Program.Tape?.Record(y, [X, XSkip, Weight, Bias, Residual, Shortcut?.X, Shortcut?.XSkip, Shortcut?.Weight, Shortcut?.Bias], () => Backward(x.Primal, weight, y.Primal));
        return y;
    }

    private void Backward(Tensor x, Tensor weight, Tensor y)
    {
        Tape tape = Program.Tape!;
        (Tensor dy, float factor) = Fuses(Program.Device, X, y.Shape.C) ? tape.ScaledCotangent(y) : (tape.Cotangent(y), 1f);
        float scale = factor * Scale;
        if (Residual is not null)
            tape.Defer(Program, Residual.Primal, dy, scale, slot => Kernels.Residual.EmitBackward(Program, dy, slot, null, scale));
        Backward(x, weight, dy, scale);
        if (Shortcut is { } shortcut)
            new ConvolutionSteps(Program, "linear", shortcut.X, shortcut.Weight, shortcut.Bias, null, 1) { XSkip = shortcut.XSkip }.Backward(shortcut.X.Primal, shortcut.Weight, dy, scale);
    }

    private void Backward(Tensor x, Tensor weight, Tensor dy, float scale)
    {
        Tape tape = Program.Tape!;
        Tensor packed = Pack(dy);
        if (tape.Slot(Program, X.Primal) is { } dx)
            InputGradient(packed, weight, 0, scale, dx);
        if (XSkip is not null && tape.Slot(Program, XSkip.Primal) is { } dXSkip)
            InputGradient(packed, weight, X.Shape.C, scale, dXSkip);
        bool biasWanted = Bias is not null && tape.Needs(Bias), summed = false;
        if (tape.Needs(Weight))
        {
            summed = biasWanted && TensorProduct.SumsBias(Program.Device, Weight.Type, dy.Shape.C);
            WeightGradient(x, packed, scale, tape.Slot(Program, Weight)!.Value, summed ? tape.Slot(Program, Bias!) : null);
        }

        if (biasWanted && !summed)
            BiasGradient(dy, scale, tape.Slot(Program, Bias!)!.Value);
    }

    private void BiasGradient(Tensor dy, float scale, GradientSlot dBias)
    {
        Tensor? partials = ColumnSum.Scratch(Program, dy.Count / dy.Shape.C, dy.Shape.C);
        Program.Emit(
            $"{Op}.backward.bias", [dy, dBias.ReadTensor], [dBias.Tensor, partials],
            cpu => Conv2d.BiasGradientCpu(cpu, dy, dBias), gpu => ColumnSum.Gradient(gpu, dy, partials, dBias, scale));
    }

    private void InputGradient(Tensor dy, Tensor weight, int firstChannel, float scale, GradientSlot dx)
    {
        Shape shape = With(dx.Tensor.Shape, Channels(dx.Tensor.Shape.C));
        bool native = Native(dx.Tensor.Type) && shape == dx.Tensor.Shape;
        GradientSlot target = native ? dx : new GradientSlot(Program.Allocate(shape, type: ElementType), false);
        Program.Emit(
            $"{Op}.backward.x", [dy, weight, target.ReadTensor], [target.Tensor],
            cpu => Conv2d.InputGradientCpu(cpu, dy, weight, target), gpu => TensorProduct.InputGradient(gpu, dy, weight, firstChannel, scale, target));
        if (!native)
            Repack.Into(Program, $"{Op}.backward.unpack", target.Tensor, dx);
    }

    private void WeightGradient(Tensor x, Tensor dy, float scale, GradientSlot dWeight, GradientSlot? dBias)
    {
        Shape shape = PackedWeight;
        Tensor? xSkip = XSkip?.Primal;
        var slot = new GradientSlot(dWeight.Tensor.Reshape(Weight.Shape.ToArray()), dWeight.Accumulate);
        bool native = slot.Tensor.Type == DType.Float32 && slot.Tensor.Shape == shape;
        GradientSlot target = native ? slot : new GradientSlot(Program.Allocate(shape), false);
        Tensor? partials = TensorProduct.Partials(Program, x, target.Tensor);
        Program.Emit(
            $"{Op}.backward.weight", [x, xSkip, dy, target.ReadTensor, dBias?.ReadTensor], [target.Tensor, partials, dBias?.Tensor],
            cpu => Conv2d.WeightGradientCpu(cpu, x, dy, target), gpu => TensorProduct.WeightGradient(gpu, x, xSkip, dy, partials!, scale, target, dBias));
        if (!native)
            Repack.Into(Program, $"{Op}.backward.unpack", target.Tensor, slot);
    }

    private Tensor Pack(Tensor images) => Repack.To(Program, $"{Op}.pack", images, With(images.Shape, Channels(images.Shape.C)), ElementType);

    private Tensor PackWeight() => Repack.To(Program, $"{Op}.pack", Weight, PackedWeight, ElementType);

    private int Channels(int channels) => TensorProduct.Channels(Program.Device, Weight.Type, channels);

    /// <summary>Whether the kernels write a result of this type: fp32 always, since that is what they sum in.</summary>
    private bool Native(DType type) => type == ElementType || type == DType.Float32;

    private static Shape With(Shape shape, int channels) => new(shape.N, shape.H, shape.W, channels);
}

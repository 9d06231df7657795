using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The convolution that <see cref="Conv2d"/> and <see cref="Linear"/> record after checking shapes, y = scale (conv(x) + bias + residual), or with a projection
/// shortcut instead of the residual; and its backward pass. Operands whose type or channels the device's kernels do not take are converted before and after.
/// </summary>
/// <remarks>The weight's type is the type of the product: an fp32 x with a bf16 weight is rounded for the product, whose output and gradient of x are fp32.</remarks>
/// <param name="Program">Program that records the steps.</param>
/// <param name="Op">Name of the op.</param>
/// <param name="X">(N, H, W, C), fp32 or bf16.</param>
/// <param name="Weight">(K, R, R, C + C2), of X's type or bf16.</param>
internal sealed partial record Convolution(ComputeProgram Program, string Op, Tensor X, Tensor Weight)
{
    private readonly ProductPath path = ProductKernels.On(Program.Device, Weight.Type);
    private readonly ProductFeatures features = ProductKernels.On(Program.Device, Weight.Type).Features;

    /// <summary>(N, H, W, C2), whose channels follow those of X, where <see cref="ProductFeatures.TakesTwoSources"/>; or null.</summary>
    public Tensor? XSkip { get; init; }

    /// <summary>(K), fp32, or null.</summary>
    public Tensor? Bias { get; init; }

    /// <summary>(N, H, W, K), of X's type, or null.</summary>
    public Tensor? Residual { get; init; }

    /// <summary>Factor of the sum with a residual or a projection shortcut; 1 without one.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>Added instead of a residual, where <see cref="ProductFeatures.TakesShortcut"/>; or null.</summary>
    public ProjectionShortcut? Shortcut { get; init; }

    private int Outputs => Weight.Shape[0];

    /// <summary>Whether the epilogue adds the residual and scales the sum; not if tensors must be converted.</summary>
    private bool Fuses => features.FusesResidual && X.Type == Weight.Type && features.Takes(Outputs);

    /// <summary>Whether a 3x3 convolution of few channels is computed as a 1x1 convolution of its taps.</summary>
    private bool SuitsIm2Col => features.SuitsIm2Col && X.Type == Weight.Type && Weight.Shape[1] == 3 && Shortcut is null;

    /// <summary>Shape of the weight that the kernels take.</summary>
    private Shape PaddedWeight => new(features.Padded(Outputs), Weight.Shape[1], Weight.Shape[2], features.Padded(Weight.Shape.C));

    /// <summary>Records the forward pass in the way that suits the device, and leaves the backward pass on the tape.</summary>
    /// <returns>(N, H, W, K), of X's type.</returns>
    /// <exception cref="ArgumentException">Types do not fit, weight or bias carries a tangent, or the residual does not fit.</exception>
    public Tensor Record()
    {
        Check();
        if (Residual is not null && !(Fuses && Residual.HasTangent == X.HasTangent))
            return ScaledAdd.Apply(Program, (this with { Residual = null, Scale = 1 }).Record(), Residual, Scale);
        if (SuitsIm2Col && Weight.Shape.C <= Im2Col.MaxChannels)
            return (this with { X = Im2Col.UnfoldInput(Program, Op, X), Weight = Weight.Reshape(Outputs, 1, 1, Weight.Count / Outputs) }).RecordForward();
        if (SuitsIm2Col && Residual is null && features.Takes(Weight.Shape.C) && Outputs <= Im2Col.MaxChannels)
            return new Col2ImConvolution(Program, Op, X, Weight, Bias).Record();
        return RecordForward();
    }

    private void Check()
    {
        if (X.Type is not (DType.Float32 or DType.BFloat16) || (Weight.Type != X.Type && Weight.Type != DType.BFloat16) || Bias is { Type: not DType.Float32 })
            throw new ArgumentException($"{Op}: x {X}, weight {Weight}, bias {Bias}; wanted Float32 or BFloat16, the weight of x's type or BFloat16, the bias Float32");
        if (Weight.Type == DType.BFloat16 && Program.Device is CpuDevice)
            throw new ArgumentException($"{Op}: {X} and {Weight} on the host, where only {DType.Float32} is supported; bf16 needs a GPU");
        if (Weight.HasTangent || Bias is { HasTangent: true })
            throw new ArgumentException($"{Op}: weight {Weight} and bias {Bias} must not carry tangents");
        if (Residual is null && Shortcut is null && Scale != 1)
            throw new ArgumentException($"{Op}: the scale is {Scale} but there is no residual");
        Shape shape = With(X.Shape, Outputs);
        if (Residual is not null && (Residual.Shape != shape || Residual.Type != X.Type))
            throw new ArgumentException($"{Op}: the residual {Residual} is not {shape} {X.Type}");
    }

    private Tensor RecordForward()
    {
        Tensor y = Program.Allocate(With(X.Shape, Outputs), X.HasTangent, X.Type);
        Tensor x = Pad(X), weight = Cast.To(Program, $"{Op}.pack", Weight, PaddedWeight, features.ElementType);
        Tensor? bias = Bias is null ? null : Cast.To(Program, $"{Op}.pack", Bias, new Shape(features.Padded(Outputs)), DType.Float32);
        bool native = features.Writes(y.Type) && features.Takes(Outputs);
        Tensor sum = native ? y : Program.Allocate(With(y.Shape, features.Padded(Outputs)), y.HasTangent, features.ElementType);
        ForwardOperands operands = new(x, weight)
        {
            XSkip = XSkip,
            Bias = bias,
            BiasedRows = bias is null ? 0 : sum.Count / sum.Shape.C,
            Residual = Residual,
            Shortcut = Shortcut,
            Alpha = Scale,
            Beta = Scale,
        };
        Program.Emit(
            $"{Op}.forward", [x, XSkip, weight, bias, Residual, Shortcut?.X, Shortcut?.XSkip, Shortcut?.Weight, Shortcut?.Bias], [sum],
            cpu => ConvolutionHost.Forward(cpu, x, weight, bias, sum), gpu => path.Forward(gpu, ConvExtents.Of(x, weight), operands, sum));
        if (!native)
            Cast.Into(Program, $"{Op}.unpack", sum, new GradientSlot(y, false));
        Program.Tape?.Record(
            y, [X, XSkip, Weight, Bias, Residual, Shortcut?.X, Shortcut?.XSkip, Shortcut?.Weight, Shortcut?.Bias], () => Backward(x.Primal, weight, y.Primal));
        return y;
    }

    /// <summary>Returns images in the form that the kernels take.</summary>
    private Tensor Pad(Tensor images) => Cast.To(Program, $"{Op}.pack", images, With(images.Shape, features.Padded(images.Shape.C)), features.ElementType);

    private static Shape With(Shape shape, int channels) => new(shape.N, shape.H, shape.W, channels);
}

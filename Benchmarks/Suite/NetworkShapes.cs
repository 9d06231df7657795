using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>
/// Lists the layers of a network in the words of the families, from the ops of its recorded steps and the shapes of the tensors that they declare,
/// whatever the layers' names.
/// </summary>
/// <remarks>The words describe only square images. Layers on other images are omitted, and a linear layer is listed over a square with as many pixels.</remarks>
/// <param name="pass">The forward pass for one image.</param>
/// <param name="batch">Number of images.</param>
internal sealed class NetworkShapes(RecordedPass pass, int batch)
{
    private const string Linear = "linear.forward", HeadNorm = "magnitude-norm.forward";

    /// <summary>Convolutions and linear layers over pixels, in the order of the network's parameters, without linear layers of one row for each image, as in embeddings.</summary>
    public IEnumerable<string> Convolutions =>
        from step in pass.Steps
        where step.Op is "conv2d.forward" or Linear
        let side = step.Op == Linear ? SideOf(step.Writes[0].Shape.N) : SideOf(step.Writes[0].Shape)
        from product in RecordedProduct.Of(step)
        where side is not null && (step.Op != Linear || product.Rows > 1)
        orderby product.Weight.Place.Offset
        let shape = product.Weight.Shape
        select $"n{batch} {shape.C}->{shape[0]} {side}x{side} k{shape[1]}";

    /// <summary>The linear layers whose output attention reads, perhaps after a norm, and those that read its output.</summary>
    public IEnumerable<string> Matrices =>
        from attention in Attending
        from step in pass.Steps
        where step.Op == Linear && (step.Writes[0].Place == BeforeNorm(attention.Reads[0]).Place || step.Reads[0].Place == attention.Writes[0].Place)
        from product in RecordedProduct.Of(step)
        select $"{batch * product.Rows}x{product.Weight.Shape[0]}x{product.Weight.Shape.C}";

    /// <summary>Self-attention. The shape of its second output (images, heads, rows) gives the number of heads.</summary>
    public IEnumerable<string> Attentions =>
        from step in Attending
        let rows = step.Writes[1].Shape
        select $"b{batch} h{rows[1]} l{rows[2]} d{Depth(step)}";

    /// <summary>Group normalisation.</summary>
    public IEnumerable<string> Norms =>
        from step in pass.Steps
        where step.Op == "groupnorm.forward" && SideOf(step.Writes[0].Shape) is not null
        select Images(step.Writes[0].Shape);

    /// <summary>Magnitude norms: with the activation as a second output over all channels, others over those of an attention's head.</summary>
    public IEnumerable<string> MagnitudeNorms =>
        from step in pass.Steps
        let y = step.Writes[0]
        where step.Op == HeadNorm && SideOf(y.Shape) is not null
        select step.Writes.Count > 1 ? Images(y.Shape) : $"{Images(y.Shape)} r{Attending.Where(each => each.Reads[0].Place == y.Place).Select(Depth).FirstOrDefault(y.Shape.C)}";

    /// <summary>Modulated norms; those without a shift are listed too.</summary>
    public IEnumerable<string> ModulatedNorms =>
        from step in pass.Steps
        where step.Op == "modulated-norm.forward" && SideOf(step.Writes[0].Shape) is not null
        select Images(step.Writes[0].Shape);

    /// <summary>Joins of two operands with the activation, or activations of one.</summary>
    public IEnumerable<string> JoinedSilus =>
        from step in pass.Steps
        let a = step.Reads[0].Shape
        where step.Op == "joined-silu.forward" && SideOf(a) is not null
        select $"n{batch} c{a.C}{(step.Reads.Count > 1 ? $"+{step.Reads[1].Shape.C}" : "")} {a.H}x{a.W}";

    /// <summary>Activations that are clamped.</summary>
    public IEnumerable<string> Clamps =>
        from step in pass.Steps
        where step.Op == "clamp.forward" && SideOf(step.Writes[0].Shape) is not null
        select Images(step.Writes[0].Shape);

    /// <summary>Doublings and halvings of the resolution.</summary>
    public IEnumerable<string> Resamplings =>
        from step in pass.Steps
        where step.Op is "resample2d.up.forward" or "resample2d.down.forward" && SideOf(step.Reads[0].Shape) is not null
        select $"{step.Op.Split('.')[1]} {Images(step.Reads[0].Shape)}";

    /// <summary>All matrices and convolutions of the parameters, as rows and columns; those with as many columns count as one.</summary>
    public string Weights => string.Join('+',
        from parameter in pass.Network.Parameters
        where parameter.FileShape.Length > 1
        group parameter.FileShape[0] by parameter.Shape.Count / parameter.FileShape[0] into same
        orderby same.Key
        select $"{same.Sum()}x{same.Key}");

    /// <summary>What a norm of the heads read to make a tensor; the tensor itself if no such norm made it.</summary>
    private Tensor BeforeNorm(Tensor tensor) =>
        pass.Steps.FirstOrDefault(step => step.Op == HeadNorm && step.Writes[0].Place == tensor.Place)?.Reads[0] ?? tensor;

    private IEnumerable<ProgramStep> Attending => pass.Steps.Where(step => step.Op == "attention.forward");

    /// <summary>Channels of a head.</summary>
    private static int Depth(ProgramStep attention) => attention.Writes[0].Shape.C / attention.Writes[1].Shape[1];

    private string Images(Shape shape) => $"n{batch} c{shape.C} {shape.H}x{shape.W}";

    private static int? SideOf(Shape images) => images.H == images.W ? images.H : null;

    /// <summary>Returns the side of a square with a number of pixels; null if there is none.</summary>
    private static int? SideOf(int pixels) => (int)Math.Sqrt(pixels) is var side && side * side == pixels ? side : null;
}

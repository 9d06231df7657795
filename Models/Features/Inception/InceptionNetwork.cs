using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Inception-v3 of 2015-12-05, the network of FID (arXiv:1706.08500): the means over its last map, the logits of the Inception score, and the spatial features of sFID
/// (arXiv:2103.03841), which are the first seven channels of a branch in the middle.
/// </summary>
internal sealed class InceptionNetwork : FeatureNetwork
{
    /// <summary>Channels of the spatial features.</summary>
    public const int SpatialChannels = 7;

    /// <summary>A name that the file of no other network has.</summary>
    public const string Mark = "Conv2d_1a_3x3.conv.weight";

    /// <summary>Classes of the whole network.</summary>
    public const int WholeClasses = 1008;

    private const int Size = 299, SpatialSize = 17;
    private readonly InceptionLayers layers;

    /// <summary>Reads the network.</summary>
    /// <exception cref="InvalidFileException">As for <see cref="InceptionLayers"/>.</exception>
    public InceptionNetwork(FeatureTensors tensors, ComputeDevice device, FeatureOptions options)
        : base(device, InputOf(options.Resizing), options)
    {
        try
        {
            layers = new InceptionLayers(tensors, device, options.ArithmeticOn(device));
        }
        catch
        {
            base.Dispose();
            throw;
        }

        string random = tensors.Says(RandomInception.MetadataKey) == RandomInception.Random ? "-random" : "";
        Name = $"inception-2015{(layers.IsWhole && layers.Classes == WholeClasses ? "" : $"-narrow-{layers.Features}")}{random}";
        int spatial = Math.Min(SpatialChannels, tensors.Extents("Mixed_6d.branch1x1.conv.weight", 4)[0]);
        Outputs =
        [
            new FeatureSpec("pool", layers.Features, "means over the last 8x8 map"),
            new FeatureSpec("logits", layers.Classes, "logits without their bias"),
            new FeatureSpec("spatial", SpatialSize * SpatialSize * spatial, $"the first {spatial} channels of the 17x17 map of Mixed_6d.branch1x1"),
        ];
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<FeatureSpec> Outputs { get; }

    /// <summary>The layers.</summary>
    internal InceptionLayers Layers => layers;

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        layers.Dispose();
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<Tensor> Record(ComputeProgram program, Tensor x)
    {
        InceptionTensors tensors = layers.Record(program, x);
        return [tensors.Pool, tensors.Logits, tensors.Spatial];
    }

    private static FeatureInput InputOf(InceptionResizing resizing) => resizing == InceptionResizing.Tf1
        ? new(Size, ResizeTaps.Tf1Bilinear, All(1 / 128f), All(-1), "299x299 bilinear as in TensorFlow 1 (no half-pixel centres, no antialiasing), (x - 128) / 128")
        : new(Size, ResizeTaps.HalfPixelBilinear, All(1 / 127.5f), All(-1), "299x299 bilinear with half-pixel centres (no antialiasing), x / 127.5 - 1");

    private static float[] All(float value) => [value, value, value];
}

namespace TrigFlowNative.Models;

/// <summary>
/// The initialisers of <c>ResNet18.onnx</c> in the package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1, which CNTK numbered. A convolution is Parameter{filters};
/// the batch norm behind it has gamma Parameter{n}, beta Parameter{n + 1}, mean Constant{n + 2} and variance Constant{n + 3}.
/// </summary>
internal static class ResnetNames
{
    /// <summary>A name that the file of no other network has.</summary>
    public const string Mark = "Parameter91";

    /// <summary>Mean image that is subtracted, (1, 3, 224, 224), in blue, green, red: the initialiser of <c>ResNetPreprocess.onnx</c>.</summary>
    public const string MeanImage = "MeanImage";

    /// <summary>Numbers of the first convolution and of its norm.</summary>
    public static readonly (int Filters, int Norm) Stem = (91, 96);

    /// <summary>The residual blocks in order.</summary>
    public static readonly IReadOnlyList<ResnetBlock> Blocks =
    [
        new((86, 113), (82, 127)),
        new((77, 144), (73, 158)),
        new((68, 175), (64, 189)) { Projection = (199, 203) },
        new((59, 220), (55, 234)),
        new((50, 251), (46, 265)) { Projection = (275, 279) },
        new((41, 296), (37, 310)),
        new((32, 327), (28, 341)) { Projection = (351, 355) },
        new((23, 372), (19, 386)),
        new((14, 403), (10, 417)),
    ];
}

/// <summary>A residual block of two 3x3 convolutions; one with a projection has step 2.</summary>
/// <param name="First">Numbers of the first convolution and of its norm.</param>
/// <param name="Second">Numbers of the second.</param>
internal sealed record ResnetBlock((int Filters, int Norm) First, (int Filters, int Norm) Second)
{
    /// <summary>Numbers of the 1x1 convolution beside the block and of its norm, or null.</summary>
    public (int Filters, int Norm)? Projection { get; init; }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// A residual network of 18 layers and one block more (arXiv:1512.03385), trained on ImageNet and exported by CNTK, from a NuGet package under the MIT licence: real
/// features that everyone can get. 512 means over the last 7x7 map. Distances between them are not FID.
/// </summary>
/// <remarks>
/// Input: 224x224 in blue, green, red from 0 to 255, minus the package's mean image if the file has it, otherwise minus its mean of each channel. Borders of step-2
/// windows are those of CNTK, unequal: one pixel more above and on the left.
/// </remarks>
internal sealed class ResnetNetwork : FeatureNetwork
{
    private const int Size = 224, Channels = ImageResize.Channels;
    private const int WholeFeatures = 512, WholeFilters = 15_885_504;
    private const double Epsilon = 1e-5;

    /// <summary>Means of the mean image in blue, green, red.</summary>
    private static readonly float[] ChannelMeans = [103.1f, 115.9f, 123.2f];

    private static readonly Window2d StemWindow = new(7, 7, 2) { Top = 3, Left = 3, Bottom = 2, Right = 2 }, Down = new(3, 3, 2) { Top = 1, Left = 1 };

    private readonly Dictionary<int, GeneralWeight> weights = [];

    /// <summary>Reads the network.</summary>
    /// <exception cref="InvalidFileException">A tensor is missing, unknown, of another shape or not finite.</exception>
    public ResnetNetwork(FeatureTensors tensors, ComputeDevice device, FeatureOptions options)
        : base(device, InputOf(tensors), options)
    {
        try
        {
            FoldedConvolution[] plan = [.. Plan(tensors)];
            foreach (FoldedConvolution convolution in plan)
                convolution.Check(tensors);
            tensors.RefuseOthers("the ResNet-18 of CNTK", _ => false);
            int features = plan[^1].Shape.N;
            Outputs = [new FeatureSpec("pool", features, "means over the last 7x7 map")];
            Name = features == WholeFeatures && plan.Sum(convolution => convolution.Shape.Count) == WholeFilters ? "resnet18-cntk" : $"resnet18-cntk-narrow-{features}";
            foreach (FoldedConvolution convolution in plan)
            {
                (float[] weight, float[] bias) = convolution.Read(tensors);
                if (convolution.Shape.C == Channels)
                    ReverseChannels(weight); // images come in red, green, blue
                int number = int.Parse(convolution.Weight["Parameter".Length..], System.Globalization.CultureInfo.InvariantCulture);
                weights.Add(number, GeneralWeight.Create(device, convolution.Shape, weight, bias, convolution.Window, options.ArithmeticOn(device)));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<FeatureSpec> Outputs { get; }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        foreach (GeneralWeight weight in weights.Values)
            weight.Dispose();
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<Tensor> Record(ComputeProgram program, Tensor x)
    {
        x = GeneralConv2d.Apply(program, x, weights[ResnetNames.Stem.Filters], Activation.Relu);
        x = Pool2d.Apply(program, x, PoolKind.Max, Down);
        foreach (ResnetBlock block in ResnetNames.Blocks)
        {
            Tensor shortcut = block.Projection is { } projection ? GeneralConv2d.Apply(program, x, weights[projection.Filters]) : x;
            Tensor h = GeneralConv2d.Apply(program, x, weights[block.First.Filters], Activation.Relu);
            x = GeneralConv2d.Apply(program, h, weights[block.Second.Filters], Activation.Relu, shortcut);
        }

        return [GlobalMean.Apply(program, x)];
    }

    /// <summary>Follows the channels through the network; their numbers are those of the file, so that tests have narrow networks.</summary>
    private static IEnumerable<FoldedConvolution> Plan(FeatureTensors tensors)
    {
        int channels = Outputs(ResnetNames.Stem);
        yield return Convolution(ResnetNames.Stem, StemWindow, channels, Channels);
        foreach (ResnetBlock block in ResnetNames.Blocks)
        {
            int outputs = block.Projection is null ? channels : Outputs(block.First);
            yield return Convolution(block.First, block.Projection is null ? Window2d.Same(3, 3) : Down, outputs, channels);
            yield return Convolution(block.Second, Window2d.Same(3, 3), outputs, outputs);
            if (block.Projection is { } projection)
                yield return Convolution(projection, new Window2d(1, 1, 2), outputs, channels);
            channels = outputs;
        }

        int Outputs((int Filters, int Norm) numbers) => tensors.Extents($"Parameter{numbers.Filters}", 4)[0];
    }

    private static FoldedConvolution Convolution((int Filters, int Norm) numbers, Window2d window, int outputs, int inputs) => new(
        $"Parameter{numbers.Filters}", window, outputs, inputs,
        [$"Parameter{numbers.Norm}", $"Parameter{numbers.Norm + 1}", $"Constant{numbers.Norm + 2}", $"Constant{numbers.Norm + 3}"], Epsilon);

    private static FeatureInput InputOf(FeatureTensors tensors)
    {
        const string words = "224x224 bilinear with half-pixel centres (no antialiasing), blue, green, red from 0 to 255, minus the";
        float[] scale = [1, 1, 1];
        if (!tensors.Has(ResnetNames.MeanImage))
            return new(Size, ResizeTaps.HalfPixelBilinear, scale, [.. ChannelMeans.Reverse().Select(mean => -mean)], $"{words} mean of each channel");
        tensors.Expect(ResnetNames.MeanImage, 1, Channels, Size, Size);
        float[] mean = FoldedConvolution.ToChannelsLast(tensors.Read(ResnetNames.MeanImage), new Shape(1, Size, Size, Channels));
        ReverseChannels(mean);
        return new(Size, ResizeTaps.HalfPixelBilinear, scale, Array.ConvertAll(mean, value => -value), $"{words} package's mean image");
    }

    /// <summary>Swaps the first and the third of every three values.</summary>
    private static void ReverseChannels(float[] values)
    {
        for (int i = 0; i < values.Length; i += Channels)
            (values[i], values[i + 2]) = (values[i + 2], values[i]);
    }
}

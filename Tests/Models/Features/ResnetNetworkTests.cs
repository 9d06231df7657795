using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>The package's ResNet-18 with an eighth of its channels, on the host and on a GPU, against float64 loops.</summary>
public class ResnetNetworkTests
{
    private const double Tolerance = 2e-5, Visible = 1e-3;
    private const int Size = 224, Side = 32;

    /// <summary>Outputs of a block, and whether it halves the resolution.</summary>
    private static readonly (int Channels, bool Down)[] Stages = [(8, false), (8, false), (16, true), (16, false), (32, true), (32, false), (64, true), (64, false), (64, false)];

    /// <summary>Numbers of the file, block by block: filters and norm of the first convolution, of the second, and of the one beside it.</summary>
    private static readonly int[][] Numbers =
    [
        [86, 113, 82, 127], [77, 144, 73, 158], [68, 175, 64, 189, 199, 203], [59, 220, 55, 234], [50, 251, 46, 265, 275, 279], [41, 296, 37, 310], [32, 327, 28, 341, 351, 355],
        [23, 372, 19, 386], [14, 403, 10, 417],
    ];

    private static readonly byte[] Bytes = FeatureWeights.Pictures(1, Side, Side, seed: 5);

    /// <summary>The small network's weights, for tests of what takes features.</summary>
    internal static readonly FeatureWeights Weights = Create();

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void The_means_agree_with_float64(string device) =>
        Assert.InRange(OpBattery.RelativeError(Reference(reverses: true, upperLeft: true, image: true), Compute(device, Weights)), 0, Tolerance);

    [Theory]
    [InlineData(false, true, true)] // red, green, blue
    [InlineData(true, false, true)] // borders below and on the right
    [InlineData(true, true, false)] // the mean of a channel instead of a mean image
    public void A_broken_convention_is_seen(bool reverses, bool upperLeft, bool image) =>
        Assert.InRange(OpBattery.RelativeError(Reference(reverses, upperLeft, image), Compute("cpu", Weights)), Visible, 100);

    [Fact]
    public void Without_a_mean_image_the_means_of_channels_are_taken_and_named()
    {
        FeatureWeights without = Create();
        without.Remove("MeanImage");
        Assert.InRange(OpBattery.RelativeError(Reference(reverses: true, upperLeft: true, image: false), Compute("cpu", without)), 0, Tolerance);
        using TemporaryFolder folder = new();
        using var plain = FeatureNetworkFile.Load(without.Save(folder.File("plain.safetensors")), TestDevices.Get("cpu"));
        using var whole = FeatureNetworkFile.Load(Weights.Save(folder.File("whole.safetensors")), TestDevices.Get("cpu"));
        Assert.Contains("minus the mean of each channel", plain.Input, StringComparison.Ordinal);
        Assert.Contains("minus the package's mean image", whole.Input, StringComparison.Ordinal);
        Assert.Equal("resnet18-cntk-narrow-64", whole.Name);
    }

    private static FeatureWeights Create()
    {
        var made = new FeatureWeights(seed: 3);
        made.AddConvolution("Parameter91", Norm(96), 8, 3, 7, 7);
        int channels = 8;
        foreach ((int[] numbers, (int outputs, bool down)) in Numbers.Zip(Stages))
        {
            made.AddConvolution($"Parameter{numbers[0]}", Norm(numbers[1]), outputs, channels, 3, 3);
            made.AddConvolution($"Parameter{numbers[2]}", Norm(numbers[3]), outputs, outputs, 3, 3);
            if (down)
                made.AddConvolution($"Parameter{numbers[4]}", Norm(numbers[5]), outputs, channels, 1, 1);
            channels = outputs;
        }

        made.Add("MeanImage", 115, 30, 1, 3, Size, Size);
        return made;
    }

    private static double[] Reference(bool reverses, bool upperLeft, bool image)
    {
        double[] resized = ResizeReference.Apply(
            Array.ConvertAll(Bytes, value => (double)value), 1, ResizeReference.Bilinear(Side, Size, halfPixel: true), ResizeReference.Bilinear(Side, Size, halfPixel: true), 3);
        double[] mean = Weights["MeanImage"], means = [103.1, 115.9, 123.2];
        double[] x = [.. resized.Select((_, i) => resized[reverses ? i - i % 3 + 2 - i % 3 : i] - (image ? mean[i % 3 * Size * Size + i / 3] : (float)means[i % 3]))];
        var shape = new Shape(1, Size, Size, 3);
        Window2d same = Window2d.Same(3, 3), down = upperLeft ? new(3, 3, 2) { Top = 1, Left = 1 } : new(3, 3, 2) { Bottom = 1, Right = 1 };
        x = Relu(Convolve(x, ref shape, "Parameter91", 96, new Window2d(7, 7, 2) { Top = 3, Left = 3, Bottom = 2, Right = 2 }));
        x = WindowReference.Pool(x, shape, PoolKind.Max, down);
        shape = new Shape(1, down.OutputHeight(shape), down.OutputWidth(shape), shape.C);
        foreach ((int[] numbers, (_, bool halves)) in Numbers.Zip(Stages))
        {
            Shape before = shape;
            double[] shortcut = halves ? Convolve(x, ref before, $"Parameter{numbers[4]}", numbers[5], new Window2d(1, 1, 2)) : x;
            double[] h = Relu(Convolve(x, ref shape, $"Parameter{numbers[0]}", numbers[1], halves ? down : same));
            h = Convolve(h, ref shape, $"Parameter{numbers[2]}", numbers[3], same);
            x = Relu([.. h.Zip(shortcut, (a, b) => a + b)]);
        }

        return WindowReference.Pool(x, shape, PoolKind.Average, new Window2d(7, 7));
    }

    private static double[] Convolve(double[] x, ref Shape shape, string filters, int norm, Window2d window)
    {
        (double[] weight, double[] bias) = Weights.Folded(filters, Norm(norm), 1e-5);
        double[] y = WindowReference.Convolve(x, shape, weight, bias, bias.Length, window);
        shape = new Shape(1, window.OutputHeight(shape), window.OutputWidth(shape), bias.Length);
        return y;
    }

    private static double[] Relu(double[] x) => Array.ConvertAll(x, value => Math.Max(value, 0));

    private static string[] Norm(int first) => [$"Parameter{first}", $"Parameter{first + 1}", $"Constant{first + 2}", $"Constant{first + 3}"];

    private static float[] Compute(string device, FeatureWeights weights)
    {
        using TemporaryFolder folder = new();
        using var network = FeatureNetworkFile.Load(weights.Save(folder.File("weights.safetensors")), TestDevices.Get(device));
        var features = new FeatureBatch(1, network.Outputs);
        network.Compute(Bytes, 1, Side, Side, 3, features);
        return features["pool"];
    }
}

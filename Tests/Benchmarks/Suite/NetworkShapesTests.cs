using System.Globalization;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Models;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The shapes of layers come from the declarations of a forward pass, whatever the names of network and layers.</summary>
public class NetworkShapesTests
{
    private static readonly Shape Image = new(1, 12, 12, 3);

    [Fact]
    public void Any_network_has_its_layers_listed()
    {
        var shapes = PresetShapes.Of(RecordedPass.Of(new Hourglass(Image)), batch: 5);
        Assert.Equal(["n5 3->8 12x12 k3", "n5 8->16 6x6 k1", "n5 16->48 6x6 k1", "n5 16->16 6x6 k1", "n5 24->3 12x12 k3"], shapes.Convolutions); // as the parameters lie
        Assert.Equal(["180x48x16", "180x16x16"], shapes.Matrices); // 5 x 36 rows: into attention and out of it, not the layer before
        Assert.Equal(["b5 h2 l36 d8"], shapes.Attentions);
        Assert.Equal(["n5 c8 12x12", "n5 c16 6x6"], shapes.Norms);
        Assert.Equal(["down n5 c8 12x12", "up n5 c16 6x6"], shapes.Resamplings);
        Assert.Equal(8 * 27 + 16 * 8 + 48 * 16 + 16 * 16 + 3 * 9 * 24 + 16 * 4 + 2 * 8 + 2 * 16, shapes.Parameters);
    }

    [Fact]
    public void Any_network_has_its_operations_counted()
    {
        const double First = 144 * 27 * 8, Wider = 36 * 8 * 16, Into = 36 * 16 * 48, Out = 36 * 16 * 16, Last = 144 * 9 * 24 * 3, Time = 4 * 16;
        const double Attention = 2 * 36 * 36 * 16; // scores and weighted values of all heads
        Assert.Equal(2 * (First + Wider + Into + Attention + Out + Last + Time), RecordedPass.Of(new Hourglass(Image)).Flops);
    }

    [Fact]
    public void Layers_for_which_there_are_no_words_are_left_out()
    {
        var shapes = PresetShapes.Of(RecordedPass.Of(new Hourglass(new Shape(1, 4, 10, 3))), batch: 1);
        Assert.Empty(shapes.Convolutions.Concat(shapes.Norms).Concat(shapes.Resamplings)); // 4 x 10 pixels, then 2 x 5
        Assert.Equal(["10x48x16", "10x16x16"], shapes.Matrices);
        Assert.Equal(["b1 h2 l10 d8"], shapes.Attentions);
    }

    /// <summary>Every weight of a file with the shape (K, C, R, S) is a convolution of the network.</summary>
    [Theory]
    [InlineData("cifar10")]
    [InlineData("mnist")]
    [InlineData("demo")]
    public void Every_convolution_of_a_preset_is_listed(string preset)
    {
        var pass = RecordedPass.OfPreset(preset);
        string[] weights = [.. pass.Network.Parameters.Where(each => each.FileShape.Length == 4).Select(each => $"{each.FileShape[1]}->{each.FileShape[0]} k{each.FileShape[2]}")];
        string[] listed = [.. new NetworkShapes(pass, batch: 2).Convolutions.Select(words => words.Split(' ')).Select(words => $"{words[1]} {words[3]}")];
        Assert.Equal(weights, listed); // each layer, in the order of files
    }

    /// <summary>EDM2-S for ImageNet at 64x64 with classes: parameters and operations as counted by hand from the network's definition.</summary>
    [Fact]
    public void Layers_of_an_Edm2_network_are_listed_and_counted()
    {
        var pass = RecordedPass.Of(new Edm2Config { Resolution = 64, ImageChannels = 3, LabelCount = 1000, ModelChannels = 192, ChannelMult = [1, 2, 3, 4], BlocksPerLevel = 3, AttentionResolutions = [16, 8] }.Build());
        var shapes = PresetShapes.Of(pass, batch: 128);
        Assert.Equal(293.92, Math.Round(shapes.Parameters!.Value / 1e6, 2));
        Assert.Equal(201.6, Math.Round(pass.Flops / 1e9, 1));
        Assert.Equal(["b128 h9 l256 d64", "b128 h12 l64 d64"], shapes.Attentions);
        Assert.Equal(["32768x1728x576", "32768x576x576", "8192x2304x768", "8192x768x768"], shapes.Matrices); // into attention, and out of it
        Assert.Equal(
            ["n128 c192 64x64", "n128 c192 32x32", "n128 c384 32x32", "n128 c384 16x16", "n128 c576 16x16", "n128 c1728 16x16 r64", "n128 c576 8x8", "n128 c768 8x8", "n128 c2304 8x8 r64"],
            shapes.MagnitudeNorms);
        Assert.Contains("n128 c768 8x8", shapes.ModulatedNorms);
        Assert.Equal(
            ["n128 c768 8x8", "n128 c768+768 8x8", "n128 c768+576 8x8", "n128 c768 16x16", "n128 c768+576 16x16", "n128 c576+576 16x16", "n128 c576+384 16x16", "n128 c576 32x32"],
            shapes.JoinedSilus.Take(8)); // in0 and in1, four joins of a level, and up
        Assert.Equal("n128 c192+192 64x64", shapes.JoinedSilus[^1]);
        Assert.Equal(["n128 c192 64x64", "n128 c192 32x32"], shapes.Clamps.Take(2));
        Assert.Empty(shapes.Norms);
        string weights = Assert.Single(shapes.Weights);
        Assert.StartsWith("192x36+1x128+", weights, StringComparison.Ordinal); // the first convolution and logvar
        Assert.Equal(shapes.Parameters!.Value - 1, weights.Split('+').Select(each => each.Split('x')).Sum(each => long.Parse(each[0], CultureInfo.InvariantCulture) * long.Parse(each[1], CultureInfo.InvariantCulture))); // but for a gain
        Assert.Empty(PresetShapes.Of(RecordedPass.OfPreset("demo"), 1).Weights);
        Assert.All(
            (string[])["n128 4->192 64x64 k3", "n128 192->192 64x64 k3", "n128 1536->768 8x8 k3", "n128 960->384 32x32 k1", "n128 192->3 64x64 k3"],
            shape => Assert.Contains(shape, shapes.Convolutions));
    }

    [Theory]
    [InlineData("cifar10")]
    [InlineData("demo")]
    public void Convolutions_attention_and_embedding_make_up_the_forward_pass(string preset)
    {
        var pass = RecordedPass.OfPreset(preset);
        var layers = new NetworkShapes(pass, batch: 1);
        double Sum(CaseFamily family, IEnumerable<string> shapes) => shapes.Sum(shape => family.Parse(shape, Direction.Forward, DType.Float32).Flops);
        double embedding = pass.Network.Parameters.Where(each => each.FileShape.Length == 2).Sum(each => 2.0 * each.Shape.Count);
        Assert.Equal(pass.Flops, Sum(ProductCase.Convolutions, layers.Convolutions) + Sum(AttentionCase.Kind, layers.Attentions) + embedding);
    }

    /// <summary>Down, attention with two heads, and up again beside a skip connection. The names of its layers mean something else.</summary>
    private sealed class Hourglass(Shape image) : TestNetwork(
        image, labelCount: 4,
        new ParameterSpec("first", new Shape(8, 3, 3, 3)), new("scale", new Shape(8)), new("shift", new Shape(8)), new("wider", new Shape(16, 8)),
        new("conv0", new Shape(48, 16)), new("out", new Shape(16, 16)), new("time", new Shape(16, 4)), new("scale2", new Shape(16)), new("shift2", new Shape(16)),
        new("last", new Shape(3, 3, 3, 24)))
    {
        protected override Tensor Record(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels)
        {
            Tensor Weight(string name) => weights[name].Value;
            using IDisposable scope = program.Layer("enc.99x99_up.qkv");
            Tensor skip = Conv2d.Apply(program, x, Weight("first"));
            Tensor h = Resample2d.Down(program, GroupNorm.Apply(program, skip, Weight("scale"), Weight("shift"), groups: 2));
            h = Linear.Apply(program, h, Weight("wider"));
            Tensor embedded = Linear.Apply(program, TimeEmbedding.Apply(program, t, 4), Weight("time"));
            h = GroupNorm.Apply(program, h, Weight("scale2"), Weight("shift2"), groups: 4, silu: true, Concat.Apply(program, embedded, embedded));
            h = Linear.Apply(program, Attention.Apply(program, Linear.Apply(program, h, Weight("conv0")), heads: 2), Weight("out"), null, h, 0.5f);
            return Conv2d.Apply(program, Concat.Apply(program, skip, Resample2d.Up(program, h)), Weight("last"));
        }
    }
}

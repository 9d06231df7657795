using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class DdpmppTests
{
    private static readonly DdpmppConfig Tiny = new()
    {
        Resolution = 8,
        ImageChannels = 3,
        LabelCount = 5,
        ModelChannels = 8,
        ChannelMult = [1, 2],
        BlocksPerLevel = 1,
        AttentionResolutions = [4],
    };

    /// <summary>The configuration of arXiv:2410.11081 for CIFAR-10; 60.07 M is the count of its authors' reproducers.</summary>
    [Fact]
    public void The_cifar10_network_has_the_parameters_of_EDM_by_name_shape_and_number()
    {
        var network = (DdpmppNetwork)ModelPresets.Get("cifar10").Build();
        Dictionary<string, Shape> layout = network.Parameters.ToDictionary(entry => entry.Name, entry => entry.Shape);

        Assert.Equal(60_066_563, network.ParameterCount());
        Assert.Equal(416, layout.Count);
        Assert.Equal(
            ["map_layer0.weight", "map_layer0.bias", "map_layer1.weight", "map_layer1.bias", "enc.32x32_conv.weight"],
            network.Parameters.Select(entry => entry.Name).Take(5));
        Assert.Equal("dec.32x32_aux_conv.bias", network.Parameters[^1].Name);
        Assert.Equal(new Shape(512, 128), layout["map_layer0.weight"]);
        Assert.Equal(new Shape(128, 3, 3, 3), layout["enc.32x32_conv.weight"]);
        Assert.Equal(new Shape(256, 128), layout["enc.32x32_block0.skip.weight"]);
        Assert.Equal(new Shape(512, 512), layout["enc.16x16_down.affine.weight"]);
        Assert.Equal(new Shape(768, 256), layout["enc.16x16_block3.qkv.weight"]);
        Assert.Equal(new Shape(256, 256), layout["dec.8x8_in0.proj.weight"]);
        Assert.Equal(new Shape(256, 3, 3, 512), layout["dec.16x16_block4.conv0.weight"]);
        Assert.Equal(new Shape(256, 3, 3, 384), layout["dec.32x32_block4.conv0.weight"]);
        Assert.Equal(new Shape(256, 256), layout["dec.32x32_up.skip.weight"]);
        Assert.Equal(new Shape(3, 3, 3, 256), layout["dec.32x32_aux_conv.weight"]);
        Assert.Contains("dec.16x16_block4.qkv.weight", layout);
        Assert.DoesNotContain("dec.16x16_block3.qkv.weight", layout);
        Assert.DoesNotContain("enc.32x32_block0.qkv.weight", layout);
        Assert.DoesNotContain("dec.8x8_in1.skip.weight", layout);
        Assert.DoesNotContain("map_label.weight", layout);
    }

    [Fact]
    public void Blocks_stand_in_the_order_of_EDM()
    {
        string[] expected =
        [
            "map_label", "map_layer0", "map_layer1", "enc.8x8_conv", "enc.8x8_block0", "enc.4x4_down", "enc.4x4_block0",
            "dec.4x4_in0", "dec.4x4_in1", "dec.4x4_block0", "dec.4x4_block1", "dec.8x8_up", "dec.8x8_block0", "dec.8x8_block1",
            "dec.8x8_aux_norm", "dec.8x8_aux_conv",
        ];
        string[][] names = [.. new DdpmppNetwork(Tiny).Parameters.Select(entry => entry.Name.Split('.'))];
        Assert.Equal(expected, names.Select(parts => parts.Length == 2 ? parts[0] : $"{parts[0]}.{parts[1]}").Distinct());
        Assert.Equal(
            ["norm0", "conv0", "affine", "norm1", "conv1", "skip", "norm2", "qkv", "proj"],
            names.Where(parts => (parts[0], parts[1]) == ("enc", "4x4_block0")).Select(parts => parts[2]).Distinct());
    }

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void F_and_its_derivative_agree_with_float64_loops(string device)
    {
        var fixture = new ReferenceFixture(Tiny, batch: 2);
        (float[] f, float[] jvp, _) = Run(device, fixture, dual: true);
        Assert.True(OpBattery.RelativeError(ToChannelsLast(fixture["F"], 2), f) < 1e-5);
        Assert.True(OpBattery.RelativeError(ToChannelsLast(fixture["JVP"], 2), jvp) < 1e-5);
    }

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Gradients_along_random_directions_agree_with_float64_differences(string device)
    {
        var fixture = new ReferenceFixture(Tiny, batch: 1);
        (_, _, Dictionary<string, float[]> gradients) = Run(device, fixture, dual: false);
        var random = new Random(5);
        foreach (string name in new[]
        {
            "map_label.weight", "map_layer0.weight", "enc.8x8_conv.weight", "enc.4x4_down.conv0.weight", "enc.4x4_block0.qkv.weight",
            "enc.4x4_block0.skip.weight", "dec.4x4_in0.proj.weight", "dec.4x4_block1.affine.weight", "dec.8x8_up.norm1.weight",
            "dec.8x8_block0.conv0.weight", "dec.8x8_aux_norm.bias", "dec.8x8_aux_conv.weight",
        })
        {
            float[] gradient = gradients[name];
            double[] direction = [.. gradient.Select(_ => 2 * random.NextDouble() - 1)];
            double expected = fixture.Directional(name, direction), actual = gradient.Zip(direction, (g, d) => g * d).Sum();
            double size = Math.Sqrt(gradient.Zip(direction, (g, d) => g * d * g * d).Sum());
            Assert.True(Math.Abs(actual - expected) < 5e-5 * size, $"{name}: {actual} along a direction, {expected} by differences");
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void The_primal_of_a_dual_run_has_the_bits_of_a_plain_run(string device)
    {
        var fixture = new ReferenceFixture(Tiny, batch: 3);
        (float[] plain, _, Dictionary<string, float[]> plainGradients) = Run(device, fixture, dual: false, dropout: 0.3f);
        (float[] dual, _, Dictionary<string, float[]> dualGradients) = Run(device, fixture, dual: true, dropout: 0.3f);
        Assert.True(plain.AsSpan().SequenceEqual(dual));
        foreach ((string name, float[] gradient) in plainGradients)
            Assert.True(gradient.AsSpan().SequenceEqual(dualGradients[name]), name);
    }

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Dropout_draws_a_mask_of_its_own_in_every_block(string name)
    {
        (string Layer, bool[] Mask)[] masks = Masks(TestDevices.Get(name), maxResolution: null);
        Assert.Equal(["enc.8x8_block0.norm1", "enc.4x4_down.norm1", "enc.4x4_block0.norm1", "dec.4x4_in0.norm1"], masks[..4].Select(each => each.Layer));
        Assert.Equal(10, masks.Length);
        for (int i = 0; i < masks.Length; i++)
            for (int j = 0; j < i; j++)
                Assert.InRange(masks[i].Mask.Zip(masks[j].Mask, (a, b) => a == b).Count(same => same), 40, 105); // 0.58 of 128 agree by chance
    }

    /// <summary>The blocks at 4x4, that of the way down included and that of the way up not, with the masks that they have when all blocks drop.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Dropout_of_small_resolutions_alone_keeps_their_masks(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        (string Layer, bool[] Mask)[] all = Masks(device, maxResolution: 8), small = Masks(device, maxResolution: 7);
        Assert.Equal(
            ["enc.4x4_down", "enc.4x4_block0", "dec.4x4_in0", "dec.4x4_in1", "dec.4x4_block0", "dec.4x4_block1"],
            small.Select(each => each.Layer[..^".norm1".Length]));
        Assert.Equal(10, all.Length);
        foreach ((string layer, bool[] mask) in small)
            Assert.Equal(all.Single(each => each.Layer == layer).Mask, mask);
        Assert.Empty(Masks(device, maxResolution: 3));
    }

    /// <summary>The first elements that each block drops, by the name of the layer.</summary>
    private static (string Layer, bool[] Mask)[] Masks(ComputeDevice device, int? maxResolution)
    {
        var network = new DdpmppNetwork(Tiny);
        using ParameterSlab weights = network.CreateSlab(device);
        network.Initialise(weights, 1);
        weights.Values.Upload<float>(Array.ConvertAll(weights.Values.ToArray(), weight => weight + 0.01f)); // biases keep values from 0
        using var program = new ComputeProgram(device);
        var source = new RandomSource(1, (RandomPurpose)100, device.CreateTensor(new Shape(2), DType.Int32));
        RecordPlain(program, network, weights, new NetworkDropout(source, 0.3f) { MaxResolution = maxResolution });
        program.Compile();
        var masks = new List<(string, bool[])>();
        foreach (ProgramStep step in program.Steps)
        {
            step.Run();
            if (step.Op.StartsWith("dropout", StringComparison.Ordinal))
                masks.Add((step.Layer, [.. step.Writes[0].ToArray().Take(128).Select(value => value == 0)]));
        }

        return [.. masks];
    }

    [Fact]
    public void Steps_carry_the_names_of_their_layers()
    {
        using ParameterSlab weights = new DdpmppNetwork(Tiny).CreateSlab(TestDevices.Get("cpu"));
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        RecordPlain(program, new DdpmppNetwork(Tiny), weights, null);
        HashSet<string> layers = [.. program.Steps.Select(step => step.Layer)];
        HashSet<string> expected = [.. new DdpmppNetwork(Tiny).Parameters.Select(entry => entry.Name[..entry.Name.LastIndexOf('.')])];
        Assert.Equal(10, expected.RemoveWhere(layer => layer.EndsWith(".affine", StringComparison.Ordinal)));
        expected.Add("affine"); // of all blocks at once
        Assert.Superset(expected, layers);
    }

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Initial_weights_follow_EDM_and_the_seed(string device)
    {
        var network = new DdpmppNetwork(Tiny with { ModelChannels = 32 });
        ComputeDevice cpu = TestDevices.Get("cpu");
        using ParameterSlab first = network.CreateSlab(TestDevices.Get(device));
        using ParameterSlab again = network.CreateSlab(cpu), other = network.CreateSlab(cpu);
        network.Initialise(first, 7);
        network.Initialise(again, 7);
        network.Initialise(other, 8);
        Assert.Equal(again.Values.ToArray(), first.Values.ToArray());
        Assert.NotEqual(other.Values.ToArray(), first.Values.ToArray());

        CheckUniform(first, "map_layer1.weight", Math.Sqrt(6.0 / (128 + 128)));
        CheckUniform(first, "enc.8x8_block0.affine.weight", Math.Sqrt(6.0 / (128 + 64)));
        CheckUniform(first, "enc.4x4_block0.conv0.weight", Math.Sqrt(6.0 / (9 * 32 + 9 * 64)));
        CheckUniform(first, "enc.4x4_block0.conv1.weight", 1e-5 * Math.Sqrt(6.0 / (9 * 64 + 9 * 64)));
        CheckUniform(first, "enc.4x4_block0.qkv.weight", Math.Sqrt(0.2) * Math.Sqrt(6.0 / (64 + 192)));
        CheckUniform(first, "enc.4x4_block0.proj.weight", 1e-5 * Math.Sqrt(6.0 / (64 + 64)));
        CheckUniform(first, "dec.8x8_aux_conv.weight", 1e-5 * Math.Sqrt(6.0 / (9 * 32 + 9 * 3)));
        foreach (Parameter bias in first.Parameters.Where(parameter => parameter.Name.EndsWith(".bias", StringComparison.Ordinal)))
            Assert.All(bias.Value.ToArray(), value => Assert.Equal(0f, value));
        Assert.All(first["dec.8x8_aux_norm.weight"].Value.ToArray(), value => Assert.Equal(1f, value));
        float[] one = first["enc.4x4_down.conv0.weight"].Value.ToArray(), two = first["enc.8x8_block0.conv0.weight"].Value.ToArray();
        Assert.NotEqual(one[..8], two[..8]);
    }

    [Fact]
    public void Inputs_that_do_not_fit_are_refused_by_name()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using ParameterSlab weights = new DdpmppNetwork(Tiny).CreateSlab(device), rounded = new DdpmppNetwork(Tiny).CreateSlab(device, activations: DType.BFloat16);
        using var program = new ComputeProgram(device);
        var network = new DdpmppNetwork(Tiny);
        Tensor x = device.CreateTensor(new Shape(2, 8, 8, 3)), t = device.CreateTensor(new Shape(2));
        Tensor labels = device.CreateTensor(t.Shape, DType.Int32);
        Refused("x", () => network.F(program, weights, device.CreateTensor(new Shape(2, 3, 8, 8)), new(t, labels)));
        Refused("t", () => network.F(program, weights, x, new(device.CreateTensor(new Shape(2, 1)), labels)));
        Refused("one row for each image", () => network.F(program, weights, x, new(device.CreateTensor(new Shape(3)), device.CreateTensor(new Shape(3), DType.Int32))));
        Refused("both dual", () => network.F(program, weights, Copy.Join(program, x, x), new(t, labels)));
        Refused("labels are missing", () => network.F(program, weights, x, new(t)));
        Refused("labels", () => network.F(program, weights, x, new(t, t)));
        Refused("labels are given", () => new DdpmppNetwork(Tiny with { LabelCount = 0 }).F(program, weights, x, new(t, labels)));
        Refused("BFloat16, which needs a GPU", () => network.F(program, rounded, x, new(t, labels)));
        Refused("144 channels", () => _ = new DdpmppNetwork(Tiny with { ModelChannels = 48, ChannelMult = [1, 2] }));

        static void Refused(string reason, Action act) =>
            Assert.Contains(reason, Assert.Throws<ArgumentException>(act).Message, StringComparison.Ordinal);
    }

    private static void CheckUniform(ParameterSlab slab, string name, double bound)
    {
        float[] values = slab[name].Value.ToArray();
        Assert.InRange(values.Max(), 0.98 * bound, 1.0001 * bound);
        Assert.InRange(values.Min(), -1.0001 * bound, -0.98 * bound);
        Assert.Equal(bound / Math.Sqrt(3), Math.Sqrt(values.Average(value => (double)value * value)), 0.06 * bound);
    }

    private static void RecordPlain(ComputeProgram program, INetwork network, ParameterSlab weights, NetworkDropout? dropout) => network.F(
        program, weights, program.Device.CreateTensor(new Shape(1, 8, 8, 3)),
        new(program.Device.CreateTensor(new Shape(1)), program.Device.CreateTensor(new Shape(1), DType.Int32)), dropout);

    /// <summary>F and, if dual, JVP in (N, H, W, C), and the gradients in EDM's order.</summary>
    private static (float[] F, float[] Jvp, Dictionary<string, float[]> Gradients) Run(
        string deviceName, ReferenceFixture fixture, bool dual, float dropout = 0)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        var network = new DdpmppNetwork(fixture.Config);
        using ParameterSlab weights = network.CreateSlab(device, withGradients: true);
        foreach (ParameterSpec parameter in network.Parameters)
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(fixture[$"param.{parameter.Name}"]));
        var tape = new Tape();
        weights.WatchOn(tape);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        int n = fixture["t"].Length;
        var shape = new Shape(n, fixture.Config.Resolution, fixture.Config.Resolution, fixture.Config.ImageChannels);
        Tensor Image(string name) => device.CreateTensor(shape, Array.ConvertAll(ToChannelsLast(fixture[name], n), value => (float)value));
        Tensor labels = device.CreateTensor(new Shape(n), DType.Int32), f = device.CreateTensor(shape), jvp = device.CreateTensor(shape);
        labels.Upload<int>([.. fixture["labels"].Chunk(network.Config.LabelCount).Select(row => Array.IndexOf(row, 1f))]);
        Tensor x = Copy.Join(program, Image("x"), dual ? Image("tangent.x") : null);
        Tensor Time(string name) => device.CreateTensor(new Shape(n), fixture[name]);
        Tensor t = Copy.Join(program, Time("t"), dual ? Time("tangent.t") : null);
        NetworkDropout? drops = dropout > 0 ? new(new RandomSource(3, (RandomPurpose)100, device.CreateTensor(new Shape(2), DType.Int32)), dropout) : null;
        Tensor y = network.F(program, weights, x, new(t, labels), drops);
        Copy.Into(program, y.Primal, f);
        if (dual)
            Copy.Into(program, y.Tangent, jvp);
        tape.Seed(y, Image("cotangent"));
        tape.Backward();
        program.Run();
        return (f.ToArray(), jvp.ToArray(), network.Parameters.ToDictionary(
            parameter => parameter.Name, parameter => parameter.ToFileOrder(weights[parameter.Name].Gradient!.ToArray())));
    }

    private static double[] ToChannelsLast(float[] images, int n)
    {
        int c = Tiny.ImageChannels, pixels = images.Length / n / c;
        return [.. images.Select((_, i) => (double)images[(i / (pixels * c) * c + i % c) * pixels + i / c % pixels])];
    }
}

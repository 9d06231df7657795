using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>EDM's own DDPM++ networks, which take noise levels and add the embedding: teachers as they are.</summary>
public class DdpmppEdmTests
{
    private static readonly DdpmppConfig Config = new()
    {
        Resolution = 8,
        ImageChannels = 2,
        LabelCount = 3,
        ModelChannels = 8,
        ChannelMult = [1, 2],
        BlocksPerLevel = 1,
        AttentionResolutions = [4],
        Variant = DdpmppVariant.Edm,
        SigmaData = 0.6f,
    };

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void F_agrees_with_float64(string name) => Assert.InRange(Error(name, DType.Float32), 0, 1e-5);

    /// <summary>No less than rounding makes, or it was not bf16.</summary>
    [Theory]
    [MemberData(nameof(DdpmppBf16Tests.Devices), MemberType = typeof(DdpmppBf16Tests))]
    public void F_in_bf16_is_near_float64(string name) => Assert.InRange(Error(name, DType.BFloat16), 1e-4, 2e-2);

    private static double Error(string name, DType activations)
    {
        ComputeDevice device = TestDevices.Get(name);
        var fixture = new ReferenceFixture(Config, batch: 2);
        INetwork network = Config.Build();
        using ParameterSlab weights = network.CreateSlab(device, activations: activations);
        foreach (ParameterSpec parameter in network.Parameters)
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(fixture[$"param.{parameter.Name}"]));
        network.RefreshComputeWeights(weights);
        using Tensor x = device.CreateTensor(new Shape(2, 8, 8, 2), Interleaved(fixture["x"])), t = device.CreateTensor(new Shape(2), fixture["t"]);
        using Tensor labels = device.CreateTensor(new Shape(2), DType.Int32), result = device.CreateTensor(x.Shape);
        labels.Upload<int>([.. fixture["labels"].Chunk(3).Select(row => Array.IndexOf(row, 1f))]);
        using var program = new ComputeProgram(device) { Checked = true };
        Copy.Into(program, network.F(program, weights, x, new NetworkConditions(t, labels)), result);
        program.Run();
        return OpBattery.RelativeError(Array.ConvertAll(Interleaved(fixture["F"]), value => (double)value), result.ToArray());
    }

    [Fact]
    public void Such_a_network_is_not_trained()
    {
        Assert.True(Config.IsOnlyEvaluated);
        Assert.False((Config with { Variant = DdpmppVariant.TrigFlow }).IsOnlyEvaluated);
        ComputeDevice cpu = TestDevices.Get("cpu");
        INetwork network = Config.Build();
        using ParameterSlab weights = network.CreateSlab(cpu, withGradients: true);
        Tensor t = cpu.CreateTensor(new Shape(1)), labels = cpu.CreateTensor(new Shape(1), DType.Int32);
        var tape = new Tape();
        weights.WatchOn(tape);
        using var program = new ComputeProgram(cpu) { Tape = tape };
        Assert.Contains("only evaluated", Assert.Throws<ArgumentException>(() => network.Condition(program, weights, new NetworkConditions(t, labels))).Message, StringComparison.Ordinal);
    }

    /// <summary>EDM's training prints 55,733,891 for CIFAR-10 without classes, with a matrix of 9 x 128 for augmentations that only training reads.</summary>
    [Fact]
    public void It_has_the_layers_of_EDM()
    {
        INetwork trigflow = ModelPresets.Get("cifar10").Build(), edm = ((DdpmppConfig)ModelPresets.Get("cifar10") with { Variant = DdpmppVariant.Edm }).Build();
        Assert.Equal(trigflow.Parameters.Select(each => each.Name), edm.Parameters.Select(each => each.Name));
        Assert.Equal(new Shape(256, 512), edm.Parameters.Single(each => each.Name == "enc.32x32_block0.affine.weight").Shape);
        Assert.Equal(55_733_891 - 9 * 128, edm.ParameterCount());
    }

    [Fact]
    public void The_configuration_survives_the_trip_through_JSON()
    {
        Assert.Equal(Config, NetworkRegistry.Read("a", Config.ToJson()));
        Assert.NotEqual(Config, Config with { Variant = DdpmppVariant.TrigFlow });
        Assert.DoesNotContain("variant", (Config with { Variant = DdpmppVariant.TrigFlow }).ToJson(), StringComparison.Ordinal);
        Refused(Config.ToJson().Replace("\"edm\"", "\"vp\"", StringComparison.Ordinal), "variant is 'vp', expected edm");
        Refused((Config with { Resolution = 24 }).ToJson(), "img_resolution of the variant edm is a power of two, not 24");
        Refused((Config with { SigmaData = -1 }).ToJson(), "sigma_data is positive, not -1");

        static void Refused(string json, string reason) => Assert.Contains(reason, Assert.Throws<InvalidFileException>(() => NetworkRegistry.Read("a", json)).Reason, StringComparison.Ordinal);
    }

    private static float[] Interleaved(float[] planes) => [.. planes.Chunk(128).SelectMany(image => Enumerable.Range(0, 128).Select(i => image[i % 2 * 64 + i / 2]))];
}

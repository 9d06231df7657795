using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>EDM2's own networks, with Fourier features and their modulation, which are teachers as they are.</summary>
public class Edm2FourierTests
{
    private static readonly Edm2Config Config = new()
    {
        Resolution = 8,
        ImageChannels = 2,
        ModelChannels = 8,
        ChannelMult = [1, 2],
        BlocksPerLevel = 1,
        AttentionResolutions = [4],
        ChannelsPerHead = 8,
        LabelCount = 3,
        Modulation = Edm2Modulation.Edm2,
        Embedding = Edm2Embedding.Fourier,
        SigmaData = 0.6f,
    };

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void F_agrees_with_float64(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        INetwork network = Config.Build();
        using ParameterSlab weights = network.CreateSlab(device);
        var random = new Random(4);
        var stored = new Dictionary<string, double[]>();
        foreach (ParameterSpec parameter in network.Parameters)
        {
            float[] values = [.. Enumerable.Range(0, (int)parameter.Shape.Count).Select(_ => (float)(2 * random.NextDouble() - 0.7))];
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(values));
            stored[parameter.Name] = Array.ConvertAll(values, value => (double)value);
        }

        network.RefreshComputeWeights(weights);
        float[] times = [0.05f, 0.9f, 1.5f], pixels = [.. Enumerable.Range(0, 3 * 64 * 2).Select(_ => (float)(2 * random.NextDouble() - 1))];
        int[] labels = [2, 0, -1];
        using Tensor x = device.CreateTensor(new Shape(3, 8, 8, 2), pixels), t = device.CreateTensor(new Shape(3), times), classes = device.CreateTensor(new Shape(3), DType.Int32);
        classes.Upload<int>(labels);
        using Tensor result = device.CreateTensor(x.Shape);
        using var program = new ComputeProgram(device) { Checked = true };
        TrigFlowNative.Kernels.Copy.Into(program, network.F(program, weights, x, new NetworkConditions(t, classes)), result);
        program.Run();
        var reference = new ReferenceEdm2(Config, stored);
        double[] expected = [.. Enumerable.Range(0, 3).SelectMany(n => Interleaved(reference.Forward(Planes(pixels, n), times[n], labels[n])))];
        Assert.InRange(Kernels.OpBattery.RelativeError(expected, result.ToArray()), 0, 1e-5);
    }

    [Fact]
    public void Such_a_network_is_not_trained()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        INetwork network = Config.Build();
        using ParameterSlab weights = network.CreateSlab(cpu, withGradients: true);
        Tensor t = cpu.CreateTensor(new Shape(1)), labels = cpu.CreateTensor(new Shape(1), DType.Int32);
        var tape = new Tape();
        weights.WatchOn(tape);
        using var program = new ComputeProgram(cpu) { Tape = tape };
        Assert.Contains("only evaluated", Assert.Throws<ArgumentException>(() => network.Condition(program, weights, new NetworkConditions(t, labels))).Message, StringComparison.Ordinal);
    }

    /// <summary>A file as PyTorch gives it: constants of the loss and of resampling lie beside the weights.</summary>
    [Fact]
    public void Files_with_constants_beside_the_weights_load()
    {
        using var folder = new TemporaryFolder();
        ComputeDevice cpu = TestDevices.Get("cpu");
        INetwork network = Config.Build();
        using ParameterSlab weights = network.CreateSlab(cpu);
        network.Initialise(weights, 3);
        var writer = new SafetensorsWriter();
        writer.SetMetadata("config", Config.ToJson());
        writer.SetMetadata("sigma_data", "0.7"); // noise levels are those of the file's own deviation
        writer.SetMetadata("kind", "diffusion");
        foreach (ParameterSpec parameter in network.Parameters)
            writer.Add(parameter.Name, [.. parameter.FileShape], (ReadOnlyMemory<float>)parameter.ToFileOrder(weights[parameter.Name].Value.ToArray()));
        foreach (string buffer in new[] { "logvar_fourier.freqs", "logvar_fourier.phases", "enc.4x4_down.resample_filter" })
            writer.Add(buffer, [2], (ReadOnlyMemory<float>)new float[2]);
        string path = Path.Combine(folder.Path, "edm2.safetensors");
        writer.Save(path);
        using TrigFlowModel model = TrigFlowModel.Load(path, cpu);
        Assert.Equal(weights["emb_fourier.freqs"].Value.ToArray(), model.Weights["emb_fourier.freqs"].Value.ToArray());
        Assert.Equal(Config with { SigmaData = 0.7f }, model.Network.Config);
    }

    private static double[][] Planes(float[] pixels, int n) => [.. Enumerable.Range(0, 2).Select(c => Enumerable.Range(0, 64).Select(i => (double)pixels[(n * 64 + i) * 2 + c]).ToArray())];

    private static IEnumerable<double> Interleaved(double[][] planes) => Enumerable.Range(0, 64).SelectMany(i => planes.Select(plane => plane[i]));
}

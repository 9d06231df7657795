using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;
using FileTensor = (long[] Shape, float[] Values);

namespace TrigFlowNative.Tests.Models;

public class WeightFileTests
{
    private const string FileName = "weights.safetensors";

    private static readonly DdpmppConfig Config = new()
    {
        Resolution = 4,
        ImageChannels = 2,
        LabelCount = 3,
        ModelChannels = 4,
        ChannelMult = [1, 2],
        BlocksPerLevel = 1,
        AttentionResolutions = [2],
    };

    private static readonly Dictionary<string, MalformedInput> Malformed = new(StringComparer.Ordinal)
    {
        ["no configuration"] = Edited("has no 'config'", config: null),
        ["configuration not JSON"] = Edited("is not valid JSON", config: "{"),
        ["configuration with an unknown key"] = Edited("num_heads", config: WithBlocks("1,\"num_heads\":1")),
        ["configuration out of range"] = Edited("num_blocks is 1 to 64, not 1000", config: WithBlocks("1000")),
        ["configuration without groups"] = Edited("144 channels don't fall into 32 groups", (Config with { ModelChannels = 48 }).ToJson()),
        ["configuration of a giant"] = Edited("has shape", config: (Config with { ModelChannels = 8192, ChannelMultEmb = 64 }).ToJson()),
        ["configuration of another network"] = Edited("no tensor 'enc.4x4_block1.norm0.weight'", config: WithBlocks("2")),
        ["sigma_data zero"] = Edited("sigma_data is '0', expected a positive number", sigmaData: "0"),
        ["sigma_data no number"] = Edited("sigma_data is 'half'", sigmaData: "half"),
        ["sigma_data infinite"] = Edited("sigma_data is 'Infinity'", sigmaData: "Infinity"),
        ["tensor missing"] = Edited("no tensor 'dec.4x4_up.skip.bias'", edit: tensors => tensors.Remove("dec.4x4_up.skip.bias")),
        ["tensor unknown"] = With("enc.extra", [1], "tensor 'enc.extra' is no parameter"),
        ["tensor transposed"] = With("map_label.weight", [3, 4], "'map_label.weight' has shape [3, 4], expected [4, 3]"),
        ["convolution in memory order"] = With("enc.4x4_conv.weight", [4, 3, 3, 2], "has shape [4, 3, 3, 2], expected [4, 2, 3, 3]"),
        ["weights with NaN"] = With("map_label.bias", [4], "'map_label.bias' holds NaN at element 0", float.NaN),
        ["weights with infinity"] = With("map_label.bias", [4], "'map_label.bias' holds", float.PositiveInfinity),
        ["a name with and without prefix"] = With("model.map_label.bias", [4], "holds 'map_label.bias' twice"),
        ["truncated"] = new MalformedInput(FileName, folder => folder.Write(FileName, Valid()[..^5]), "the file is truncated"),
        ["absent"] = new MalformedInput(FileName, _ => { }, "no such file"),
        ["a folder"] = new MalformedInput(FileName, folder => Directory.CreateDirectory(folder.File(FileName)), "is a folder"),
    };

    public static TheoryData<string> MalformedNames => [.. Malformed.Keys];

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void A_model_comes_back_bit_for_bit(string device)
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = Initialised(device);
        model.Save(folder.File(FileName));
        using TrigFlowModel loaded = TrigFlowModel.Load(folder.File(FileName), TestDevices.Get("cpu"));
        Assert.Equal(model.Weights.Values.ToArray(), loaded.Weights.Values.ToArray());
        Assert.Equal(Config, loaded.Network.Config);
        Assert.Equal(0.477f, loaded.SigmaData);
        Assert.Equal((Config, new WeightDescription(0.477f, ModelKind.Diffusion)), WeightFile.ReadDescription(folder.File(FileName)));

        loaded.Save(folder.File("again"));
        Assert.Equal(File.ReadAllBytes(folder.File(FileName)), File.ReadAllBytes(folder.File("again")));
    }

    [Fact]
    public void Files_are_in_the_layout_of_EDM()
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = Initialised("cpu");
        model.Save(folder.File(FileName));
        using SafetensorsFile file = SafetensorsFile.Open(folder.File(FileName));
        Assert.Equal(model.Network.Parameters.Select(entry => entry.Name).Order(), file.Entries.Select(entry => entry.Name).Order());

        // (K, R, S, C) = (4, 3, 3, 2) in memory, (K, C, R, S) in files.
        float[] memory = model.Weights["enc.4x4_conv.weight"].Value.ToArray(), stored = Read(file, "enc.4x4_conv.weight", 4, 2, 3, 3);
        for (int k = 0; k < 4; k++)
            for (int r = 0; r < 3; r++)
                for (int s = 0; s < 3; s++)
                    for (int c = 0; c < 2; c++)
                        Assert.Equal(memory[((k * 3 + r) * 3 + s) * 2 + c], stored[((k * 2 + c) * 3 + r) * 3 + s]);

        // Rows [q | k | v] of 8 channels each in memory; q, k, v of channel c are rows 3c, 3c + 1, 3c + 2 in files.
        float[] qkv = model.Weights["enc.2x2_block0.qkv.weight"].Value.ToArray();
        float[] rows = Read(file, "enc.2x2_block0.qkv.weight", 24, 8, 1, 1);
        for (int part = 0; part < 3; part++)
            for (int channel = 0; channel < 8; channel++)
                for (int c = 0; c < 8; c++)
                    Assert.Equal(qkv[(part * 8 + channel) * 8 + c], rows[(3 * channel + part) * 8 + c]);
        Assert.Equal([0f, 8, 16, 1, 9, 17, 2], Read(file, "enc.2x2_block0.qkv.bias", 24)[..7]);

        Assert.Equal(model.Weights["map_label.weight"].Value.ToArray(), Read(file, "map_label.weight", 4, 3));
        Assert.Equal(model.Weights["enc.2x2_block0.skip.weight"].Value.ToArray(), Read(file, "enc.2x2_block0.skip.weight", 8, 4, 1, 1));
        Assert.Equal("0.477", file.Metadata["sigma_data"]);

        static float[] Read(SafetensorsFile file, string name, params long[] shape)
        {
            file.Require(name, shape);
            return file.ReadSingles(name);
        }
    }

    [Fact]
    public void Prefixed_names_and_filter_buffers_of_other_implementations_are_accepted()
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = Initialised("cpu");
        string path = folder.File(FileName);
        Write(path, Config.ToJson(), sigmaData: null, tensors =>
        {
            foreach ((string name, FileTensor tensor) in tensors.ToArray())
            {
                tensors.Remove(name);
                tensors["model." + name] = tensor;
            }

            tensors["model.enc.2x2_down.conv0.resample_filter"] = ([1, 1, 2, 2], [0.25f, 0.25f, 0.25f, 0.25f]);
        });
        using TrigFlowModel loaded = TrigFlowModel.Load(path, TestDevices.Get("cpu"));
        Assert.Equal(model.Weights.Values.ToArray(), loaded.Weights.Values.ToArray());
        Assert.Equal(0.5f, loaded.SigmaData);
    }

    [Fact]
    public void Loading_into_a_slab_wants_the_same_network_but_for_further_conditions()
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = Initialised("cpu");
        model.Save(folder.File(FileName));
        var network = new DdpmppNetwork(Config with { Conditions = ["guidance"] });
        using ParameterSlab slab = network.CreateSlab(TestDevices.Get("cpu"), withGradients: true);
        slab.Values.Upload<float>([.. Enumerable.Repeat(9f, slab.Values.Count)]);
        WeightFile.LoadInto(folder.File(FileName), network, slab);
        Assert.All(model.Network.Parameters, parameter => Assert.Equal(model.Weights[parameter.Name].Value.ToArray(), slab[parameter.Name].Value.ToArray()));
        Assert.All(slab["map_guidance.weight"].Value.ToArray(), value => Assert.Equal(0f, value));
        using var told = new TrigFlowModel(network, network.CreateSlab(TestDevices.Get("cpu")), 0.5f);
        told.Save(folder.File("told"));
        Assert.Equal("is of another network: its conditions is [\"guidance\"], not absent", Assert.Throws<InvalidFileException>(() => WeightFile.LoadInto(folder.File("told"), model.Network, model.Weights)).Reason);
        WeightFile.RequireFit(folder.File(FileName), network);
        Assert.Throws<InvalidFileException>(() => WeightFile.RequireFit(folder.File("told"), model.Network));

        var other = new DdpmppNetwork(Config with { LabelCount = 0 });
        using ParameterSlab kept = other.CreateSlab(TestDevices.Get("cpu"));
        InvalidFileException refusal = Assert.Throws<InvalidFileException>(() => WeightFile.LoadInto(folder.File(FileName), other, kept));
        Assert.Equal($"is of another network: its label_dim is {Config.LabelCount}, not 0", refusal.Reason);
        Assert.All(kept.Values.ToArray(), value => Assert.Equal(0f, value));
    }

    [Theory]
    [MemberData(nameof(MalformedNames))]
    public void A_malformed_file_is_refused_before_anything_is_kept(string name)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        long before = device.AllocatedBytes;
        Malformed[name].AssertRefused(path => WeightFile.Load(path, device));
        Assert.Equal(before, device.AllocatedBytes);
    }

    private static TrigFlowModel Initialised(string device)
    {
        var network = new DdpmppNetwork(Config);
        ParameterSlab weights = network.CreateSlab(TestDevices.Get(device));
        network.Initialise(weights, 3);
        Tensor bias = weights["enc.2x2_block0.qkv.bias"].Value;
        bias.Upload<float>([.. Enumerable.Range(0, 24).Select(i => (float)i)]);
        return new TrigFlowModel(network, weights, 0.477f);
    }

    private static string WithBlocks(string value) =>
        Config.ToJson().Replace("\"num_blocks\":1", $"\"num_blocks\":{value}", StringComparison.Ordinal);

    private static MalformedInput With(string name, long[] shape, string reason, float first = 0) => Edited(reason, edit: tensors =>
    {
        float[] values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
        values[0] = first;
        tensors[name] = (shape, values);
    });

    private static MalformedInput Edited(
        string reason, string? config = "as it is", string? sigmaData = "0.5", Action<Dictionary<string, FileTensor>>? edit = null) =>
        new(FileName, folder => Write(folder.File(FileName), config == "as it is" ? Config.ToJson() : config, sigmaData, edit), reason);

    private static byte[] Valid()
    {
        using TemporaryFolder folder = new();
        Write(folder.File(FileName), Config.ToJson(), "0.5", null);
        return File.ReadAllBytes(folder.File(FileName));
    }

    private static void Write(string path, string? config, string? sigmaData, Action<Dictionary<string, FileTensor>>? edit)
    {
        using TrigFlowModel model = Initialised("cpu");
        Dictionary<string, FileTensor> tensors = [];
        foreach (ParameterSpec parameter in model.Network.Parameters)
            tensors[parameter.Name] = ([.. parameter.FileShape], parameter.ToFileOrder(model.Weights[parameter.Name].Value.ToArray()));
        edit?.Invoke(tensors);
        var writer = new SafetensorsWriter();
        if (config is not null)
            writer.SetMetadata("config", config);
        if (sigmaData is not null)
            writer.SetMetadata("sigma_data", sigmaData);
        foreach ((string name, (long[] shape, float[] values)) in tensors)
            writer.Add(name, shape, (ReadOnlyMemory<float>)values);
        writer.Save(path);
    }
}

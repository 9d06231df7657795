using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>NVIDIA's pickles of modules become weight files that load: names, values, configuration, what is left out, and what is refused.</summary>
public sealed class ModuleImportTests : IDisposable
{
    private static readonly Edm2Config Edm2 = new()
    {
        Resolution = 8,
        ImageChannels = 4,
        LabelCount = 3,
        ModelChannels = 8,
        ChannelMult = [1, 2],
        BlocksPerLevel = 1,
        AttentionResolutions = [4],
        ChannelsPerHead = 4,
        LogvarChannels = 16,
    };

    private static readonly DdpmppConfig Edm = new() { Resolution = 8, ImageChannels = 3, ModelChannels = 8, ChannelMult = [1, 1], BlocksPerLevel = 1, AttentionResolutions = [4] };

    private readonly TemporaryFolder temp = new();
    private readonly Random random = new(7);

    public static TheoryData<Edm2Modulation, Edm2Embedding> Forms => new()
    {
        { Edm2Modulation.Double, Edm2Embedding.Positional },
        { Edm2Modulation.Scale, Edm2Embedding.Positional },
        { Edm2Modulation.Edm2, Edm2Embedding.Fourier },
    };

    /// <summary>In float16, as published; the modulation and the embedding are told by the parameters alone.</summary>
    [Theory]
    [MemberData(nameof(Forms))]
    public void A_network_of_EDM2_becomes_a_model_of_the_same_numbers(Edm2Modulation modulation, Edm2Embedding embedding)
    {
        Edm2Config config = Edm2 with { Modulation = modulation, Embedding = embedding, SigmaData = 0.6f };
        (string Name, long[] Shape, Half[] Values)[] parameters = [.. config.Build().Parameters.Select(each => (each.Name, each.FileShape.ToArray(), Values(each.Shape.Count)))];
        List<(string Name, byte[] Tensor)> tensors = [.. parameters.Select(each => ($"unet.{each.Name}", Tensor(each.Values, each.Shape)))];
        tensors.Add(("unet.enc.8x8_conv.resample_filter", Tensor([(Half)1], [1])));
        byte[] named = P.Dict(
            ("label_dim", P.Int(3)), ("sigma_data", P.Real(0.6)), ("logvar_channels", P.Int(16)), ("model_channels", P.Int(8)), ("channel_mult", P.List(P.Int(1), P.Int(2))), ("num_blocks", P.Int(1)),
            ("attn_resolutions", P.List(P.Int(4))), ("channels_per_head", P.Int(4)), ("use_fp16", P.True), ("dropout", P.Real(0.1)), ("channel_mult_noise", P.None), ("res_balance", P.Real(0.3)));
        byte[] network = TestTorch.Tree("Precond", tensors, P.Tuple(P.Int(8), P.Int(4)), named);
        byte[] root = P.Join(
            P.StackGlobal("dnnlib.util", "EasyDict"), P.Tuple(), [0x81, (byte)'('],
            P.Text("encoder"), TestTorch.Module("StabilityVAEEncoder", [], []), P.Text("dataset_kwargs"), P.Dict(("path", P.Text("x"))), P.Text("ema"), network, "u"u8.ToArray());
        (string path, ImportedFile file) = Import(P.Pickle(root, protocol: 4));
        Assert.Equal(config, file.Network);
        Assert.Contains("CC BY-NC-SA", file.Licence, StringComparison.Ordinal);
        Assert.Contains("enc.8x8_conv.resample_filter", Assert.Single(file.Notes), StringComparison.Ordinal);
        using TrigFlowModel loaded = TrigFlowModel.Load(path, TestDevices.Get("cpu"));
        Assert.Equal((0.6f, ModelKind.Diffusion, LatentConventions.Get("edm2")), (loaded.SigmaData, loaded.Kind, loaded.Latents));
        using SafetensorsFile written = SafetensorsFile.Open(path);
        Assert.Equal(parameters.Length, written.Entries.Count);
        Assert.All(parameters, each => Assert.Equal(TestTorch.Raw(Array.ConvertAll(each.Values, value => (float)value)), written.ReadBytes(each.Name)));
    }

    /// <summary>In EDM's own form, which names the class of its U-Net, and in TrigFlow's in the same layout, which names our architecture.</summary>
    [Theory]
    [InlineData(DdpmppVariant.Edm)]
    [InlineData(DdpmppVariant.TrigFlow)]
    public void A_network_of_EDM_becomes_a_model_of_the_same_numbers(DdpmppVariant variant)
    {
        DdpmppConfig config = Edm with { Variant = variant };
        byte[] pickle = EdmPickle(config, variant == DdpmppVariant.Edm ? ("model_type", "SongUNet") : ("architecture", "ddpmpp"), out (string Name, float[] Values)[] parameters);
        (string path, ImportedFile file) = Import(pickle);
        Assert.Equal(config, file.Network);
        Assert.Contains("map_augment.weight", Assert.Single(file.Notes), StringComparison.Ordinal);
        using TrigFlowModel model = TrigFlowModel.Load(path, TestDevices.Get("cpu"));
        Assert.Equal(config, model.Network.Config);
        foreach ((ParameterSpec spec, (string name, float[] values)) in model.Network.Parameters.Zip(parameters))
            Assert.Equal(values, spec.ToFileOrder(model.Weights[name].Value.ToArray()));
    }

    [Fact]
    public void A_network_of_EDM_with_other_layers_gets_no_configuration()
    {
        (string path, ImportedFile file) = Import(EdmPickle(Edm, ("model_type", "DhariwalUNet"), out (string Name, float[] Values)[] parameters));
        Assert.Null(file.Network);
        Assert.Contains("no configuration, since its model_type is DhariwalUNet", Assert.Single(file.Notes), StringComparison.Ordinal);
        using SafetensorsFile written = SafetensorsFile.Open(path);
        Assert.Equal(
            parameters.Select(each => $"model.{each.Name}").Append("model.map_augment.weight").Order(StringComparer.Ordinal), written.Entries.Select(each => each.Name).Order(StringComparer.Ordinal));
    }

    public static TheoryData<string, string> OtherArguments => new()
    {
        { "res_balance", "its res_balance is 0.25, but this program's network has 0.3" },
        { "gradient_trick", "its argument 'gradient_trick' is unknown to this program" },
        { "channels_per_head", "its argument 'channels_per_head' is the number 0.25" },
    };

    /// <summary>A setting that would change the network, and is not understood, leaves no configuration that pretends to be the file's.</summary>
    [Theory]
    [MemberData(nameof(OtherArguments))]
    public void A_network_of_unknown_settings_gets_no_configuration(string name, string reason)
    {
        byte[] named = P.Dict(("model_channels", P.Int(8)), (name, P.Real(0.25)));
        byte[] network = TestTorch.Tree("Precond", [("unet.out_gain", Tensor([(Half)1], []))], P.Tuple(P.Int(8), P.Int(4)), named);
        (_, ImportedFile file) = Import(P.Pickle(P.Dict(("ema", network)), protocol: 4));
        Assert.Null(file.Network);
        Assert.Contains(reason, Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_whose_tensors_have_other_shapes_gets_no_configuration()
    {
        byte[] network = TestTorch.Tree("Precond", [("unet.out_gain", Tensor([(Half)1, (Half)2], [2]))], P.Tuple(P.Int(64), P.Int(4)));
        (_, ImportedFile file) = Import(P.Pickle(P.Dict(("ema", network)), protocol: 4));
        Assert.Null(file.Network);
        Assert.Contains("its tensor 'out_gain' is [2], but [] in this program's network", Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void One_of_several_modules_is_taken_by_its_key()
    {
        byte[] Module(float value) => TestTorch.Tree("Generator", [("w", TestTorch.Embedded("FloatStorage", TestTorch.Raw(value), 1, 1))]);
        string path = temp.Write("g.pkl", P.Pickle(P.Dict(("G", Module(1)), ("G_ema", Module(2))), protocol: 4));
        Assert.Contains("holds several modules: name one by --key, of G, G_ema", Assert.Throws<InvalidFileException>(() => ImportFile.Open(path)).Reason, StringComparison.Ordinal);
        Assert.Throws<InvalidFileException>(() => ImportFile.Open(path, "D"));
        using ImportedFile file = ImportFile.Open(path, "G_ema");
        Assert.Equal("state dict of a pickled Generator", file.Kind);
        file.Save(temp.File("g.safetensors"));
        using SafetensorsFile written = SafetensorsFile.Open(temp.File("g.safetensors"));
        Assert.Equal([2f], written.ReadSingles("w"));
    }

    /// <summary>The detector of 94 convolutions, in the names of TensorFlow's graph, whose first ones are of modules within modules.</summary>
    [Fact]
    public void The_detector_gets_the_names_of_pytorch_fid()
    {
        (string path, ImportedFile file) = Import(P.Pickle(TestDetector.Module(), protocol: 4));
        Assert.Equal(472, file.Tensors.Count);
        using SafetensorsFile written = SafetensorsFile.Open(path);
        Assert.Equal("inception-2015", written.Metadata["feature_network"]);
        foreach ((string theirs, string own) in new[]
        {
            ("Conv2d_2b_3x3", "conv_2"), ("Mixed_5b.branch5x5_2", "mixed.tower.conv_1"), ("Mixed_5d.branch_pool", "mixed_2.tower_2.conv"), ("Mixed_6a.branch3x3dbl_3", "mixed_3.tower.conv_2"),
            ("Mixed_6e.branch7x7dbl_5", "mixed_7.tower_1.conv_4"), ("Mixed_7a.branch7x7x3_4", "mixed_8.tower_1.conv_3"), ("Mixed_7b.branch3x3_2b", "mixed_9.tower_mixed_conv_1"),
            ("Mixed_7c.branch3x3dbl_3a", "mixed_10.tower_1_mixed_conv"), ("Mixed_7c.branch1x1", "mixed_10.conv"),
        })
        {
            Assert.Equal([TestDetector.Number(own, 0)], written.ReadSingles($"{theirs}.conv.weight"));
            Assert.Equal([TestDetector.Number(own, 1)], written.ReadSingles($"{theirs}.bn.bias"));
            Assert.Equal([TestDetector.Number(own, 2)], written.ReadSingles($"{theirs}.bn.running_mean"));
            Assert.Equal([TestDetector.Number(own, 3)], written.ReadSingles($"{theirs}.bn.running_var"));
            Assert.Equal([1f], written.ReadSingles($"{theirs}.bn.weight"));
        }

        Assert.Equal([7f], written.ReadSingles("fc.weight"));
        Assert.Equal([8f], written.ReadSingles("fc.bias"));
    }

    [Fact]
    public void A_detector_that_is_not_whole_is_refused()
    {
        Refused(TestDetector.Module(without: "mixed_10.conv"), "is no whole Inception network: it has nothing for Mixed_7c.branch1x1");
        Refused(TestDetector.Module(more: "mixed_11.conv"), "has a tensor 'layers.mixed_11.conv.weight', which no layer of the Inception network is called");
    }

    [Fact]
    public void Modules_within_each_other_without_end_are_refused()
    {
        byte[] modules = P.Dict(("_modules", P.Join(P.Dict(Array.Empty<(string, byte[])>()), P.Text("self"), P.Recall(9), "s"u8.ToArray())));
        byte[] cycle = P.Join(P.Memo(9, P.Join(P.Global("torch.nn", "Module"), P.Tuple(), [0x81])), modules, "b"u8.ToArray());
        Refused(P.Dict(("ema", cycle)), "has more than 100 modules within each other");
    }

    [Fact]
    public void Modules_that_multiply_are_refused()
    {
        // 20 modules, each of which holds the one before ten times.
        byte[] module = P.Memo(0, Holding());
        for (byte level = 1; level < 20; level++)
            module = P.Join(module, "0"u8.ToArray(), P.Memo(level, Holding([.. Enumerable.Range(0, 10).Select(i => ($"m{i}", P.Recall((byte)(level - 1))))])));
        Refused(P.Join("}"u8.ToArray(), P.Text("ema"), module, "s"u8.ToArray()), "has more than 100000 modules");

        static byte[] Holding(params (string, byte[])[] modules) => TestTorch.Container("ModuleList", modules);
    }

    [Fact]
    public void Embedded_storages_are_checked_as_files_are()
    {
        byte[] bad = TestTorch.Tensor(P.Call("torch.storage", "_load_from_bytes", P.Bytes([1, 2, 3])), 0, [1], [1]);
        Refused(P.Dict(("w", bad)), "that are no storage as PyTorch writes it");
        Refused(P.Dict(("w", TestTorch.Embedded("FloatStorage", new byte[8], 4, 4))), "ends within the storage '1'");
        Refused(P.Dict(("w", TestTorch.Tensor(TestTorch.Storage("FloatStorage", "0", 4), 0, [4], [1]))), "refers to storages as files of torch.save do, but has none");
        Refused(P.Dict(("w", TestTorch.Embedded("FloatStorage", new byte[16], 4, 5))), "reaches beyond its storage");
        Refused(TestTorch.Tree("Precond", [("unet.out_gain", P.Int(5))]), "holds no tensors");
    }

    public void Dispose() => temp.Dispose();

    private void Refused(byte[] value, string reason) =>
        new MalformedInput("net.pkl", folder => folder.Write("net.pkl", P.Pickle(value, protocol: 4)), reason).AssertRefused(path => ImportFile.Open(path).Dispose());

    private (string Path, ImportedFile File) Import(byte[] content)
    {
        string path = temp.Write($"{Guid.NewGuid():N}.pkl", content), output = path + ".safetensors";
        using ImportedFile file = ImportFile.Open(path);
        file.Save(output);
        return (output, file);
    }

    private byte[] EdmPickle(DdpmppConfig config, (string Name, string Word) type, out (string Name, float[] Values)[] parameters)
    {
        (string Name, long[] Shape, float[] Values)[] all =
            [.. config.Build().Parameters.Select(each => (each.Name, each.FileShape.ToArray(), Enumerable.Range(0, (int)each.Shape.Count).Select(_ => random.NextSingle()).ToArray()))];
        parameters = [.. all.Select(each => (each.Name, each.Values))];
        byte[] named = P.Dict(
            (type.Name, P.Text(type.Word)), ("model_channels", P.Int(8)), ("channel_mult", P.List(P.Int(1), P.Int(1))), ("num_blocks", P.Int(1)), ("attn_resolutions", P.List(P.Int(4))),
            ("augment_dim", P.Int(9)), ("resample_filter", P.List(P.Int(1), P.Int(1))));
        static byte[] Floats(float[] values, long[] shape) => TestTorch.Embedded("FloatStorage", TestTorch.Raw(values), values.Length, shape);
        return P.Pickle(P.Dict(("ema", TestTorch.Tree(
            "EDMPrecond", [.. all.Select(each => ($"model.{each.Name}", Floats(each.Values, each.Shape))), ("model.map_augment.weight", Floats([1, 2], [2]))], P.Tuple(P.Int(8), P.Int(3)), named))), protocol: 4);
    }

    private Half[] Values(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => (Half)(random.NextSingle() - 0.5f))];

    private static byte[] Tensor(Half[] values, long[] shape) => TestTorch.Embedded("HalfStorage", MemoryMarshal.AsBytes<Half>(values).ToArray(), values.Length, shape);
}

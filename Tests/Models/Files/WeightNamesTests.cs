using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>Weight files of PyTorch's programs: prefixes before all names, an average beside the weights, and no configuration.</summary>
public class WeightNamesTests
{
    private static readonly DdpmppConfig Config = SamplerNetwork.Plain with { LabelCount = 3 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [Theory]
    [InlineData("module.")]
    [InlineData("_orig_mod.")]
    [InlineData("net.")]
    [InlineData("ema.")]
    [InlineData("model.")]
    [InlineData("_orig_mod.module.")]
    [InlineData("module._orig_mod.model.")]
    [InlineData("ema_model.module.")]
    public void Prefixes_of_wrappers_are_taken_off(string prefix)
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount: 3);
        string path = Write(folder, model, prefix);
        LoadedWeights loaded = WeightFile.Load(path, Cpu);
        using ParameterSlab weights = loaded.Weights;
        Assert.Equal(model.Weights.Values.ToArray(), weights.Values.ToArray());
        Assert.Equal(prefix, loaded.Prefix);
        Assert.Empty(loaded.OtherPrefixes);
        using ParameterSlab slab = model.Network.CreateSlab(Cpu);
        WeightFile.LoadInto(path, model.Network, slab);
        Assert.Equal(model.Weights.Values.ToArray(), slab.Values.ToArray());
        Assert.Equal(Config, WeightFile.ReadDescription(path).Network);
    }

    /// <summary>EDM2's module holds its U-Net under unet., and the layer of logvar beside it.</summary>
    [Theory]
    [InlineData("", "unet.")]
    [InlineData("net.", "net.unet.")]
    [InlineData("module.ema.", "module.ema.unet.")]
    public void The_U_Net_of_a_raw_EDM2_state_dict_is_found(string outer, string inner)
    {
        using TemporaryFolder folder = new();
        var config = new Edm2Config { Resolution = 8, ImageChannels = 3, LabelCount = 3, ModelChannels = 8, ChannelMult = [1], BlocksPerLevel = 1, AttentionResolutions = [], ChannelsPerHead = 8 };
        INetwork network = config.Build();
        using var model = new TrigFlowModel(network, network.CreateSlab(Cpu), 0.5f);
        network.Initialise(model.Weights, 5);
        string path = Write(folder, model, inner, name => name.StartsWith("logvar", StringComparison.Ordinal) ? outer : inner);
        Assert.Equal(config, WeightFile.ReadDescription(path, config with { LabelCount = 0 }).Network); // the classes are found too
        using TrigFlowModel loaded = TrigFlowModel.Load(path, Cpu, fallback: config with { LabelCount = 0 });
        Assert.Equal(model.Weights.Values.ToArray(), loaded.Weights.Values.ToArray());
        Refused(Write(folder, model, inner, name => name.StartsWith("logvar", StringComparison.Ordinal) ? outer : inner, extra: outer + "out_gain", config: true), $"holds '{outer}out_gain' twice, as '");
        Refused(Write(folder, model, inner, name => name.StartsWith("logvar", StringComparison.Ordinal) ? outer : inner, extra: inner + "further", config: true), $"tensor '{inner}further' is no parameter");
    }

    [Theory]
    [InlineData("net.", "ema.", "ema.")]
    [InlineData("", "ema.", "ema.")]
    [InlineData("module.ema_model.", "module.net.", "module.ema_model.")]
    public void The_average_beside_the_weights_is_taken(string one, string other, string taken)
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount: 3);
        string path = Write(folder, model, one, other, shift: 1);
        LoadedWeights loaded = WeightFile.Load(path, Cpu);
        using ParameterSlab weights = loaded.Weights;
        Assert.Equal((taken, taken == one ? other : one), (loaded.Prefix, Assert.Single(loaded.OtherPrefixes)));
        float shift = taken == other ? 1 : 0;
        Assert.Equal(model.Weights["map_label.bias"].Value.ToArray().Select(value => value + shift), weights["map_label.bias"].Value.ToArray());
    }

    [Theory]
    [InlineData("net.", "model.", "holds several networks, by the prefixes 'model.', 'net.': keep the tensors of one")]
    [InlineData("ema.", "module.ema.", "holds several networks, by the prefixes 'ema.', 'module.ema.': keep the tensors of one")]
    public void Two_networks_of_which_none_is_the_average_are_refused(string one, string other, string reason)
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount: 3);
        Refused(Write(folder, model, one, other), reason);
    }

    [Fact]
    public void What_is_missing_is_named_and_an_unknown_prefix_shown()
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount: 3);
        Refused(Write(folder, model, "student."), "no tensor 'map_label.weight', but 'student.map_label.weight': take the prefix 'student.' off all names");
        Refused(Write(folder, model, "module.", leaveOut: "enc.4x4_block0.norm1.bias"), "no tensor 'module.enc.4x4_block0.norm1.bias'");
        Refused(Write(folder, model, "module.", extra: "module.optimizer"), "tensor 'module.optimizer' is no parameter");
        Refused(Write(folder, model, "net.", extra: "map_label.bias"), "holds 'map_label.bias' twice, as 'net.map_label.bias' and 'map_label.bias'");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    public void Weights_without_a_configuration_are_read_for_a_network_that_is_named(int labelCount)
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount);
        string path = Write(folder, model, "_orig_mod.", config: false);
        Refused(path, "its metadata has no 'config'");
        Assert.False(WeightFile.HasNetwork(path));
        Assert.Equal((Config with { LabelCount = labelCount }, new WeightDescription(0.5f, ModelKind.Diffusion)), WeightFile.ReadDescription(path, SamplerNetwork.Plain));
        using TrigFlowModel loaded = TrigFlowModel.Load(path, Cpu, fallback: SamplerNetwork.Plain);
        Assert.Equal(model.Weights.Values.ToArray(), loaded.Weights.Values.ToArray());

        // As the start of a training, also of a network that gets a further condition.
        INetwork told = (SamplerNetwork.Plain with { LabelCount = labelCount, Conditions = ["guidance"] }).Build();
        using ParameterSlab slab = told.CreateSlab(Cpu);
        WeightFile.LoadInto(path, told, slab);
        Assert.Equal(model.Weights["enc.4x4_conv.weight"].Value.ToArray(), slab["enc.4x4_conv.weight"].Value.ToArray());
        Assert.All(slab["map_guidance.weight"].Value.ToArray(), value => Assert.Equal(0f, value));

        InvalidFileException other = Assert.Throws<InvalidFileException>(() => WeightFile.ReadDescription(path, SamplerNetwork.Plain with { Resolution = 8 }));
        Assert.Contains("no tensor '_orig_mod.enc.8x8_conv.weight'", other.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fallback_does_not_change_what_a_file_describes()
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount: 3);
        string path = Write(folder, model, "");
        Assert.True(WeightFile.HasNetwork(path));
        Assert.Equal(Config, WeightFile.ReadDescription(path, ModelPresets.Get("mnist")).Network);
    }

    [Fact]
    public void A_training_state_is_named()
    {
        using TemporaryFolder folder = new();
        var writer = new SafetensorsWriter();
        writer.SetMetadata("format", "trigflow-training-state-1");
        writer.Add("weights", [1], (ReadOnlyMemory<float>)new float[1]);
        writer.Save(folder.File("step"));
        Refused(folder.File("step"), "is a training state, not a weight file: take model.safetensors");
        Assert.Throws<InvalidFileException>(() => WeightFile.ReadDescription(folder.File("step"), SamplerNetwork.Plain));
    }

    private static void Refused(string path, string reason)
    {
        InvalidFileException refused = Assert.Throws<InvalidFileException>(() => WeightFile.Load(path, Cpu));
        Assert.Contains(reason, refused.Reason, StringComparison.Ordinal);
    }

    /// <summary>Writes a model whose parameters each have a prefix, with the buffers of EDM2's module.</summary>
    private static string Write(TemporaryFolder folder, TrigFlowModel model, string inner, Func<string, string> prefix, string? extra = null, bool config = false)
    {
        var writer = new SafetensorsWriter();
        if (config)
            writer.SetMetadata("config", model.Network.Config.ToJson());
        foreach (ParameterSpec parameter in model.Network.Parameters)
            writer.Add(prefix(parameter.Name) + parameter.Name, parameter.FileShape.AsSpan(), (ReadOnlyMemory<float>)parameter.ToFileOrder(model.Weights[parameter.Name].Value.ToArray()));
        writer.Add(inner + "emb_pos.freqs", [4], (ReadOnlyMemory<float>)new float[4]);
        if (extra is not null)
            writer.Add(extra, [8], (ReadOnlyMemory<float>)new float[8]);
        string path = folder.File($"{Guid.NewGuid():N}.safetensors");
        writer.Save(path);
        return path;
    }

    /// <summary>Writes a model under a prefix, and under another with every value shifted.</summary>
    private static string Write(
        TemporaryFolder folder, TrigFlowModel model, string prefix, string? second = null, float shift = 0, bool config = true, string? leaveOut = null, string? extra = null)
    {
        var writer = new SafetensorsWriter();
        if (config)
            writer.SetMetadata("config", model.Network.Config.ToJson());
        foreach (ParameterSpec parameter in model.Network.Parameters.Where(parameter => parameter.Name != leaveOut))
        {
            float[] values = parameter.ToFileOrder(model.Weights[parameter.Name].Value.ToArray());
            writer.Add(prefix + parameter.Name, parameter.FileShape.AsSpan(), (ReadOnlyMemory<float>)values);
            if (second is not null)
                writer.Add(second + parameter.Name, parameter.FileShape.AsSpan(), (ReadOnlyMemory<float>)Array.ConvertAll(values, value => value + shift));
        }

        writer.Add(prefix + "enc.4x4_down.conv0.resample_filter", [1], (ReadOnlyMemory<float>)new float[1]);
        if (extra is not null)
            writer.Add(extra, [8], (ReadOnlyMemory<float>)new float[8]);
        string path = folder.File($"{Guid.NewGuid():N}.safetensors");
        writer.Save(path);
        return path;
    }
}

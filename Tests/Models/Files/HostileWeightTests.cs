using System.Diagnostics;
using System.Text.Json;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>Small files whose metadata asks for much: each is refused in one line, at once, and before memory is taken for what it describes.</summary>
public class HostileWeightTests
{
    private const string Plain = """
        {"architecture":"ddpmpp","img_resolution":4,"img_channels":2,"model_channels":8,"channel_mult":[1,1],"num_blocks":1,"attn_resolutions":[2],"label_dim":3}
        """;

    public static TheoryData<string> Configs =>
    [
        Edited("img_resolution", "8192", "model_channels", "8192", "channel_mult", "[64,64,64,64,64,64,64,64,64,64,64,64]", "num_blocks", "64", "channel_mult_emb", "64"),
        Edited("channel_mult", "[64]", "model_channels", "8192", "img_channels", "1024"),
        Edited("label_dim", "1000000"),
        Edited("label_dim", "2147483647"),
        Edited("label_dim", "99999999999"),
        Edited("label_dim", "-1"),
        Edited("img_resolution", "1e999"),
        Edited("img_resolution", "4.5"),
        Edited("img_resolution", "\"4\""),
        Edited("img_resolution", "2147483648"),
        Edited("img_channels", "0"),
        Edited("img_channels", "1025"),
        Edited("model_channels", "6"),
        Edited("model_channels", "2147483646"),
        Edited("num_blocks", "65"),
        Edited("channel_mult", "[]"),
        Edited("channel_mult", "null"),
        Edited("channel_mult", "[1,null]"),
        Edited("channel_mult", "[2147483647]"),
        Edited("channel_mult", $"[{string.Join(",", Enumerable.Repeat("1", 100))}]"),
        Edited("channel_mult", $"[{string.Join(",", Enumerable.Repeat("1", 400_000))}]"),
        Edited("channel_mult_emb", "65"),
        Edited("attn_resolutions", $"[{string.Join(",", Enumerable.Repeat("2", 65))}]"),
        Edited("attn_resolutions", $"{new string('[', 5000)}{new string(']', 5000)}"),
        Edited("conditions", """["guidance","guidance"]"""),
        Edited("conditions", """["\ud800"]"""),
        Edited("conditions", $"[{string.Join(",", Enumerable.Range(0, 5000).Select(i => $"\"c{string.Concat(i.ToString("D4", null).Select(c => (char)(c - '0' + 'a')))}\""))}]"),
        Edited("architecture", "5"),
        Edited("architecture", "\"\\ud800\""),
        Edited("architecture", "\"none\""),
        Plain + new string(' ', 2 << 20),
        "[]",
        "null",
        "",
    ];

    [Theory]
    [MemberData(nameof(Configs))]
    public void A_configuration_that_asks_for_much_costs_nothing(string config)
    {
        using TemporaryFolder folder = new();
        ComputeDevice device = TestDevices.Get("cpu");
        string path = Write(folder, ("config", config));
        INetwork own = SamplerNetwork.Plain.Build();
        using ParameterSlab slab = own.CreateSlab(device);
        long before = device.AllocatedBytes, managed = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        foreach (Action read in new Action[] { () => WeightFile.ReadDescription(path), () => WeightFile.Load(path, device), () => WeightFile.LoadInto(path, own, slab), () => FixtureCheck.Run(path, device) })
            Assert.DoesNotContain(Assert.Throws<InvalidFileException>(read).Message, char.IsControl);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - managed, 0, 256L << 20);
        Assert.Equal(before, device.AllocatedBytes);
    }

    public static TheoryData<string, string> Names => new()
    {
        { """["cat","dog"]""", "there are 2 names of classes, but the network has 3 classes (label_dim)" },
        { """["cat","dog","cat"]""", "two classes are called 'cat'" },
        { """["cat","","bird"]""", "the name of class 1 has 0 characters" },
        { $"""["cat","{new string('d', 256)}","bird"]""", "the name of class 1 has 256 characters" },
        { """["cat","do\u0007g","bird"]""", "the name of class 1 holds a control character" },
        { """["cat","do\u2028g","bird"]""", "the name of class 1 holds a control character" },
        { """["cat","dog",null]""", "is not a JSON array of strings" },
        { """["cat","dog",3]""", "is not a JSON array of strings" },
        { """["cat","dog","\ud800"]""", "is not a JSON array of strings" },
        { """{"cat":1}""", "is not a JSON array of strings" },
        { "cat,dog,bird", "is not a JSON array of strings" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Names_of_classes_are_read_strictly(string names, string reason)
    {
        using TemporaryFolder folder = new();
        string path = Write(folder, ("config", Plain), ("class_names", names));
        Assert.Contains(reason, Assert.Throws<InvalidFileException>(() => WeightFile.ReadDescription(path)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_classes_come_back()
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel plain = SamplerNetwork.Model(TestDevices.Get("cpu"), labelCount: 3);
        string[] names = ["katze, groß", "\"dog\"", "\U0001F426"];
        var model = new TrigFlowModel(plain.Network, plain.Weights, 0.5f) { ClassNames = [.. names] };
        model.Save(folder.File("named"));
        using TrigFlowModel loaded = TrigFlowModel.Load(folder.File("named"), TestDevices.Get("cpu"));
        Assert.Equal(names, loaded.ClassNames);
        Assert.Equal(new WeightDescription(0.5f, ModelKind.Diffusion) { ClassNames = [.. names] }, WeightFile.ReadDescription(folder.File("named")).Description);
        Assert.NotEqual(new WeightDescription(0.5f, ModelKind.Diffusion) { ClassNames = ["katze, groß", "\"dog\"", "x"] }, WeightFile.ReadDescription(folder.File("named")).Description);
        loaded.Save(folder.File("again"));
        Assert.Equal(File.ReadAllBytes(folder.File("named")), File.ReadAllBytes(folder.File("again")));
        plain.Save(folder.File("unnamed"));
        using SafetensorsFile file = SafetensorsFile.Open(folder.File("unnamed"));
        Assert.DoesNotContain("class_names", file.Metadata.Keys);
        Assert.Throws<ArgumentException>(() => new TrigFlowModel(plain.Network, plain.Weights, 0.5f) { ClassNames = ["one"] }.Save(folder.File("wrong")));
        Assert.False(File.Exists(folder.File("wrong")));
    }

    [Theory]
    [InlineData("1, 2")]
    [InlineData("[1]")]
    [InlineData("[1, 2, 3]")]
    [InlineData("[2, 1]")]
    [InlineData("[1, Infinity]")]
    [InlineData("[1, x]")]
    [InlineData("[")]
    [InlineData("")]
    public void Guidance_scales_are_read_strictly(string range)
    {
        using TemporaryFolder folder = new();
        string path = Write(folder, ("config", Plain), ("guidance_range", range));
        Assert.Contains($"guidance_range is '{range}', expected two numbers", Assert.Throws<InvalidFileException>(() => WeightFile.ReadDescription(path)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Guidance_scales_come_back()
    {
        using TemporaryFolder folder = new();
        using TrigFlowModel plain = SamplerNetwork.Model(TestDevices.Get("cpu"));
        var model = new TrigFlowModel(plain.Network, plain.Weights, 0.5f) { GuidanceRange = new GuidanceRange(1, 1.7f) };
        model.Save(folder.File("ranged"));
        using TrigFlowModel loaded = TrigFlowModel.Load(folder.File("ranged"), TestDevices.Get("cpu"));
        Assert.Equal((new GuidanceRange(1, 1.7f), model.Description), (loaded.GuidanceRange, loaded.Description));
        Assert.NotEqual(plain.Description, loaded.Description);
        plain.Save(folder.File("plain"));
        Assert.Null(WeightFile.ReadDescription(folder.File("plain")).Description.GuidanceRange);
        Assert.Equal([true, true, false, false, false], new[] { 1, 1.7f, 0.99f, 1.71f, float.NaN }.Select(model.GuidanceRange.Value.Contains));
    }

    private static string Edited(params string[] pairs)
    {
        Dictionary<string, string> members = JsonDocument.Parse(Plain).RootElement.EnumerateObject().ToDictionary(each => each.Name, each => each.Value.GetRawText());
        foreach (string[] pair in pairs.Chunk(2))
            members[pair[0]] = pair[1];
        return $"{{{string.Join(",", members.Select(member => $"\"{member.Key}\":{member.Value}"))}}}";
    }

    /// <summary>A file with metadata and one tensor, too small for any network.</summary>
    private static string Write(TemporaryFolder folder, params (string Key, string Value)[] metadata)
    {
        var writer = new SafetensorsWriter();
        foreach ((string key, string value) in metadata)
            writer.SetMetadata(key, value);
        writer.Add("map_label.weight", [8, 3], (ReadOnlyMemory<float>)new float[24]);
        writer.Save(folder.File("hostile.safetensors"));
        return folder.File("hostile.safetensors");
    }
}

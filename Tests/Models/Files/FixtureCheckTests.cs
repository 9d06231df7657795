using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class FixtureCheckTests
{
    /// <summary>Every path of the network (down, up, attention, skips, labels) in so few weights that each can be moved alone.</summary>
    private static readonly DdpmppConfig Config = new()
    {
        Resolution = 4,
        ImageChannels = 2,
        LabelCount = 3,
        ModelChannels = 4,
        ChannelMult = [1, 1],
        BlocksPerLevel = 1,
        AttentionResolutions = [2],
    };

    private static readonly Lazy<ReferenceFixture> Fixture = new(() => new ReferenceFixture(Config, batch: 1).WithGradients());

    private static readonly Dictionary<string, MalformedInput> Malformed = new(StringComparer.Ordinal)
    {
        ["no weight"] = Broken("no tensor 'param.enc.4x4_conv.bias'", name => name == "param.enc.4x4_conv.bias"),
        ["no gradient"] = Broken("no tensor 'grad.map_label.weight'", name => name == "grad.map_label.weight"),
        ["no labels"] = Broken("no tensor 'labels'", name => name == "labels"),
        ["no x"] = Broken("no tensor 'x'", name => name == "x"),
        ["labels not one-hot"] = Replaced("row 0 of labels is not one-hot", "labels", [1, 3], [1, 1, 0]),
        ["t of another shape"] = Replaced("tensor 't' has shape [2], expected [1]", "t", [2], [0, 0]),
        ["tangent with NaN"] = Replaced("'tangent.t' holds NaN", "tangent.t", [1], [float.NaN]),
        ["logvar of a network that gives none"] = Broken("logvar: a network of the architecture ddpmpp gives none", _ => false, file =>
        {
            file.Add("logvar", [1], (ReadOnlyMemory<float>)new float[1]);
            file.Add("cotangent.logvar", [1], (ReadOnlyMemory<float>)new float[1]);
        }),
        ["no configuration"] = Broken("has no 'config'", _ => true, file => file.SetMetadata("config", "")) with
        {
            Make = folder => new SafetensorsWriter().Save(folder.File("fixture.safetensors")),
        },
        ["not a file"] = new MalformedInput("fixture.safetensors", _ => { }, "no such file"),
    };

    public static TheoryData<string> MalformedNames => [.. Malformed.Keys];

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void F_its_derivative_and_every_gradient_agree_with_float64_loops(string device)
    {
        using TemporaryFolder folder = new();
        string path = Fixture.Value.Save(folder.File("fixture.safetensors"));

        IReadOnlyList<FixtureError> errors = FixtureCheck.Run(path, TestDevices.Get(device));

        Assert.Equal(["F", "JVP", .. new DdpmppNetwork(Config).Parameters.Select(entry => $"grad.{entry.Name}")], errors.Select(error => error.Name));
        Assert.All(errors, error => Assert.True(error.RelativeError < 2e-5 && error.Passes, $"{error}"));
    }

    [Theory]
    [InlineData("JVP")]
    [InlineData("grad.enc.2x2_block0.qkv.bias")]
    [InlineData("grad.dec.4x4_up.skip.weight")]
    public void One_spoilt_number_fails_its_row_and_no_other(string spoilt)
    {
        using TemporaryFolder folder = new();
        float[] values = Fixture.Value[spoilt];
        float kept = values[^1];
        values[^1] += 0.01f * values.Max(Math.Abs);
        string path = Fixture.Value.Save(folder.File("fixture.safetensors"));
        values[^1] = kept;

        Assert.Equal([spoilt], FixtureCheck.Run(path, TestDevices.Get("cpu")).Where(error => !error.Passes).Select(error => error.Name));
    }

    [Theory]
    [MemberData(nameof(MalformedNames))]
    public void A_malformed_fixture_is_refused(string name) =>
        Malformed[name].AssertRefused(path => FixtureCheck.Run(path, TestDevices.Get("cpu")));

    [Fact]
    public void A_result_that_is_no_number_does_not_pass() => Assert.False(new FixtureError("F", double.NaN).Passes);

    private static MalformedInput Replaced(string reason, string tensor, long[] shape, float[] values) =>
        Broken(reason, name => name == tensor, file => file.Add(tensor, shape, (ReadOnlyMemory<float>)values));

    private static MalformedInput Broken(string reason, Func<string, bool> without, Action<SafetensorsWriter>? with = null) =>
        new("fixture.safetensors", folder => Fixture.Value.Save(folder.File("fixture.safetensors"), without, with), reason);
}

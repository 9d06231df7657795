using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>Fixtures that hold results with forced weights and results with the weights as they are.</summary>
public class ForcedFixtureTests
{
    private static readonly string[] Gradients = ["grad.gain", "grad.a", "grad.b", "grad.l"];
    private static readonly Lazy<ForcedFixture> Fixture = new(() => new ForcedFixture());

    private static readonly Dictionary<string, MalformedInput> Malformed = new(StringComparer.Ordinal)
    {
        ["no logvar"] = Broken("no tensor 'logvar'", name => name == "logvar"),
        ["no cotangent of logvar"] = Broken("no tensor 'cotangent.logvar'", name => name == "cotangent.logvar"),
        ["no eval.JVP"] = Broken("no tensor 'eval.JVP'", name => name == "eval.JVP"),
        ["no eval.F"] = Broken("no tensor 'eval.F'", name => name == "eval.F"),
        ["no eval.logvar"] = Broken("no tensor 'eval.logvar'", name => name == "eval.logvar"),
        ["no eval.grad"] = Broken("no tensor 'eval.grad.gain'", name => name == "eval.grad.gain"),
        ["logvar of another shape"] = Broken(
            "tensor 'eval.logvar' has shape [2], expected [3]", name => name == "eval.logvar", file => file.Add("eval.logvar", [2], (ReadOnlyMemory<float>)new float[2])),
    };

    public static TheoryData<string> MalformedNames => [.. Malformed.Keys];

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Both_modes_agree_with_float64_loops(string device)
    {
        using TemporaryFolder folder = new();
        IReadOnlyList<FixtureError> errors = FixtureCheck.Run(Fixture.Value.Save(folder.File("fixture.safetensors")), TestDevices.Get(device));
        string[] names = ["F", "JVP", "logvar", .. Gradients];
        Assert.Equal([.. names, .. names.Select(name => $"eval.{name}")], errors.Select(error => error.Name));
        Assert.All(errors, error => Assert.True(error.RelativeError < 2e-6 && error is { Passes: true, Allowed: FixtureCheck.ComputeWeightsTolerance }, $"{error}"));
    }

    [Theory]
    [InlineData("logvar")]
    [InlineData("F")]
    [InlineData("eval.F")]
    [InlineData("eval.JVP")]
    [InlineData("eval.grad.l")]
    [InlineData("grad.gain")]
    public void One_spoilt_number_fails_its_row_and_no_other(string spoilt)
    {
        using TemporaryFolder folder = new();
        var fixture = new ForcedFixture();
        fixture[spoilt][^1] += 3e-4f * fixture[spoilt].Max(Math.Abs);
        string path = fixture.Save(folder.File("fixture.safetensors"));
        Assert.Equal([spoilt], FixtureCheck.Run(path, TestDevices.Get("cpu")).Where(error => !error.Passes).Select(error => error.Name));
    }

    [Fact]
    public void Results_of_the_other_mode_fail()
    {
        using TemporaryFolder folder = new();
        var fixture = new ForcedFixture();
        string[] names = ["F", "logvar", .. Gradients];
        foreach (string name in names)
            fixture[$"eval.{name}"].CopyTo(fixture[name], 0);
        string path = fixture.Save(folder.File("fixture.safetensors"));
        Assert.Equal(names, FixtureCheck.Run(path, TestDevices.Get("cpu")).Where(error => !error.Passes).Select(error => error.Name));
    }

    [Fact]
    public void Without_results_of_evaluation_or_of_logvar_the_others_are_checked()
    {
        using TemporaryFolder folder = new();
        string path = Fixture.Value.Save(folder.File("fixture.safetensors"), name => name.StartsWith("eval.", StringComparison.Ordinal));
        Assert.Equal(["F", "JVP", "logvar", .. Gradients], FixtureCheck.Run(path, TestDevices.Get("cpu")).Select(error => error.Name));

        Fixture.Value.Save(path, name => name.StartsWith("eval.", StringComparison.Ordinal) || name.EndsWith("logvar", StringComparison.Ordinal));
        IReadOnlyList<FixtureError> errors = FixtureCheck.Run(path, TestDevices.Get("cpu"));
        Assert.Equal(["F", "JVP", .. Gradients], errors.Select(error => error.Name));
        Assert.Equal(["grad.l"], errors.Where(error => !error.Passes).Select(error => error.Name)); // which nothing depends on then, but the fixture says otherwise
    }

    [Theory]
    [MemberData(nameof(MalformedNames))]
    public void A_malformed_fixture_is_refused(string name) =>
        Malformed[name].AssertRefused(path => FixtureCheck.Run(path, TestDevices.Get("cpu")));

    private static MalformedInput Broken(string reason, Func<string, bool> without, Action<SafetensorsWriter>? with = null) =>
        new("fixture.safetensors", folder => Fixture.Value.Save(folder.File("fixture.safetensors"), without, with), reason);
}

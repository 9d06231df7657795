using System.Text.Json.Nodes;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>A guidance scale of the command line reaches a student's images, and students without that input refuse it.</summary>
public sealed class GuidanceTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("trigflow-guidance-").FullName;

    [Fact]
    public void A_student_that_was_told_its_guidance_is_sampled_with_any()
    {
        MakeTeacher();
        Run(0, "train", "--objective", "scd", "--teacher", File("teacher.safetensors"), "--data", "synthetic", "--preset", "demo", "--out", File("run"),
            "--device", "cpu", "--batch", "8", "--images", "96", "--set", "max_guidance=3", "--set", "peak=0.02", "--set", "tangent_warm_up=0", "--set", "kind=adam");
        string student = Path.Combine(File("run"), "model.safetensors");
        Assert.Equal(["guidance"], WeightFile.ReadDescription(student).Network.Conditions);
        Assert.Equal(new GuidanceRange(1, 3), WeightFile.ReadDescription(student).Description.GuidanceRange);
        string[] draw = ["sample", "--checkpoint", student, "--count", "1", "--out", File("o"), "--device", "cpu", "--guidance"];
        Assert.Contains("--guidance 3.5: the model was trained with scales from 1 to 3", Run(0, [.. draw, "3.5"]).Errors, StringComparison.Ordinal);
        Assert.Contains("--guidance 0.5: the model was trained with scales from 1 to 3", Run(0, "evaluate", "--checkpoint", student, "--data", "synthetic", "--count", "2", "--device", "cpu", "--guidance", "0.5").Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("was trained with scales", Run(0, [.. draw, "3"]).Errors, StringComparison.Ordinal);
        byte[] plain = Sample(student), one = Sample(student, "--guidance", "1"), two = Sample(student, "--guidance", "2.5");
        Assert.Equal(plain, one);
        Assert.NotEqual(plain, two);
        Assert.Equal(Evaluate(student), Evaluate(student, "--guidance", "1"));
        Assert.NotEqual(Evaluate(student), Evaluate(student, "--guidance", "2.5"));
    }

    [Fact]
    public void A_student_without_that_input_says_so()
    {
        MakeTeacher();
        Run(0, "train", "--objective", "scd", "--teacher", File("teacher.safetensors"), "--data", "synthetic", "--preset", "demo", "--out", File("run"),
            "--device", "cpu", "--images", "32", "--set", "max_guidance=3", "--set", "guidance_input=false");
        string student = Path.Combine(File("run"), "model.safetensors");
        Assert.Empty(WeightFile.ReadDescription(student).Network.Conditions);
        Assert.Null(WeightFile.ReadDescription(student).Description.GuidanceRange);
        Sample(student);
        TrigflowProcess.Outcome refused = Run(2, "sample", "--checkpoint", student, "--count", "1", "--out", File("o"), "--device", "cpu", "--guidance", "2");
        Assert.Contains("takes no guidance scale as an input", refused.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(File("o")));
    }

    [Theory]
    [InlineData("sample", "--count", "1", "--out", "o")]
    [InlineData("evaluate", "--data", "synthetic", "--count", "8")]
    public void A_model_with_an_input_that_no_sampler_has_is_refused(params string[] arguments)
    {
        MakeTeacher("segment");
        TrigflowProcess.Outcome refused = Run(2, [.. arguments.Select(word => word == "o" ? File("o") : word), "--checkpoint", File("teacher.safetensors"), "--device", "cpu"]);
        Assert.Contains("the model takes 'segment' as an input, which no sampler gives it", refused.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(File("o")));
    }

    /// <summary>A second network of another size, with classes or without, away from which the scale leads.</summary>
    [Fact]
    public void A_diffusion_model_is_guided_by_a_second_network()
    {
        MakeTeacher();
        string model = File("teacher.safetensors"), small = MakeModel("small.safetensors", config => config with { ModelChannels = 4 }), plain = MakeModel("plain.safetensors", config => config with { LabelCount = 0 });
        byte[] alone = Sample(model), free = Sample(model, "--guidance", "1.7");
        byte[][] guided = [Sample(model, "--guidance", "1.7", "--guide", small), Sample(model, "--guidance", "1.7", "--guide", plain)];
        Assert.Equal(4, new[] { alone, free, guided[0], guided[1] }.Select(Convert.ToHexString).Distinct().Count());
        Assert.Equal(guided[0], Sample(model, "--guidance", "1.7", "--guide", small));
        Assert.NotEqual(Evaluate(model, "--guidance", "1.7"), Evaluate(model, "--guidance", "1.7", "--guide", small));
        Assert.NotEqual(Sample(plain), Sample(plain, "--guidance", "1.7", "--guide", MakeModel("other.safetensors", config => config with { LabelCount = 0, ModelChannels = 4 })));

        string student = MakeModel("student.safetensors", config => config, ModelKind.Consistency), large = MakeModel("large.safetensors", config => config with { Resolution = 16 });
        Refused($"--guide {small}: has no effect without --guidance", model, "--guide", small);
        Refused($"--guide {large}: the guide is of images 16x16x3, not 8x8x3", model, "--guidance", "2", "--guide", large);
        Refused($"--guide {student}: the guide is a consistency model", model, "--guidance", "2", "--guide", student);
        Refused($"--guide {model}: a consistency model is not guided by another network", student, "--guidance", "2", "--guide", model);
        Refused("none.safetensors", model, "--guidance", "2", "--guide", File("none.safetensors"));

        void Refused(string reason, string checkpoint, params string[] further)
        {
            foreach (string[] verb in (string[][])[["sample", "--out", File("o")], ["evaluate", "--data", "synthetic"]])
            {
                TrigflowProcess.Outcome outcome = Run(2, [.. verb, "--checkpoint", checkpoint, "--count", "2", "--device", "cpu", .. further]);
                Assert.Contains(reason, outcome.Errors, StringComparison.Ordinal);
                Assert.False(Directory.Exists(File("o")));
            }
        }
    }

    [Fact]
    public void A_teacher_is_guided_by_a_second_network_which_is_part_of_the_run()
    {
        MakeTeacher();
        string guide = MakeModel("guide.safetensors", config => config with { ModelChannels = 4 }), other = MakeModel("other.safetensors", config => config with { ModelChannels = 4, LabelCount = 0 });
        Run(0, [.. Distil(images: 16), "peak=0.02"]);
        byte[] free = System.IO.File.ReadAllBytes(Path.Combine(File("run"), "model.safetensors"));
        Assert.Contains("the teacher had no guide", Run(2, [.. Distil(images: 24), "peak=0.02", "--guide", guide]).Errors, StringComparison.Ordinal);
        Directory.Delete(File("run"), recursive: true);

        Run(0, [.. Distil(images: 16), "peak=0.02", "--guide", guide]);
        Assert.NotEqual(free, System.IO.File.ReadAllBytes(Path.Combine(File("run"), "model.safetensors")));
        Assert.Contains("other.safetensors holds other weights", Run(2, [.. Distil(images: 24), "peak=0.02", "--guide", other]).Errors, StringComparison.Ordinal);
        Assert.Contains("the teacher has lost its --guide", Run(2, [.. Distil(images: 24), "peak=0.02"]).Errors, StringComparison.Ordinal);
        System.IO.File.Move(guide, File("moved.safetensors"));
        Run(0, [.. Distil(images: 24), "peak=0.02", "--guide", File("moved.safetensors")]);
        Run(0, "train", "--resume", File("run"), "--images", "32", "--device", "cpu");

        string[] refused = Distil(images: 8, "max_guidance=1");
        refused[Array.IndexOf(refused, "--out") + 1] = File("refused");
        Assert.Contains("takes no guide unless max_guidance is above 1", Run(2, [.. refused, "--guide", other]).Errors, StringComparison.Ordinal);
        Assert.Contains(
            "the objective trigflow takes no guide",
            Run(2, "train", "--objective", "trigflow", "--data", "synthetic", "--preset", "demo", "--out", File("plain"), "--device", "cpu", "--guide", other).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_without_that_input_is_not_continued_with_it()
    {
        MakeTeacher();
        Run(0, Distil(images: 8, "guidance_input=false"));
        TrigflowProcess.Outcome refused = Run(2, Distil(images: 16, "guidance_input=true"));
        Assert.Contains("guidance_input is false, not true", refused.Errors, StringComparison.Ordinal);
    }

    /// <summary>A run of the older form has no such setting; its config.json keeps the form, so the same command continues it again and again.</summary>
    [Fact]
    public void An_older_run_goes_on_without_that_input()
    {
        MakeTeacher();
        Run(0, Distil(images: 8, "guidance_input=false"));
        string file = Path.Combine(File("run"), "config.json");
        JsonObject config = JsonNode.Parse(System.IO.File.ReadAllText(file))!.AsObject(), training = config["training"]!.AsObject();
        config["dropout"] = training["dropout"]!.DeepClone();
        training.Remove("dropout");
        training["objective"]!.AsObject().Remove("guidance_input");
        System.IO.File.WriteAllText(file, config.ToJsonString());
        foreach (int images in new[] { 16, 24 })
        {
            Run(0, Distil(images));
            Assert.Empty(WeightFile.ReadDescription(Path.Combine(File("run"), "model.safetensors")).Network.Conditions);
            Assert.Equal(images, (int)JsonNode.Parse(System.IO.File.ReadAllText(file))!["images"]!);
        }
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private byte[] Sample(string model, params string[] further)
    {
        string output = File($"sample{Directory.GetDirectories(folder).Length}");
        Run(0, ["sample", "--checkpoint", model, "--count", "5", "--out", output, "--device", "cpu", .. further]);
        return Npz.Read(Path.Combine(output, "samples.npz")).Pixels.ToArray();
    }

    private static string Evaluate(string model, params string[] further) =>
        Run(0, ["evaluate", "--checkpoint", model, "--data", "synthetic", "--count", "5", "--device", "cpu", .. further]).Output;

    private string[] Distil(int images, params string[] settings) =>
    [
        "train", "--objective", "scd", "--teacher", File("teacher.safetensors"), "--data", "synthetic", "--preset", "demo", "--out", File("run"),
        "--device", "cpu", "--batch", "8", "--images", $"{images}", "--set", "max_guidance=3", .. settings,
    ];

    private static TrigflowProcess.Outcome Run(int code, params string[] arguments)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(arguments);
        Assert.True(outcome.ExitCode == code, outcome.ToString());
        return outcome;
    }

    private void MakeTeacher(params string[] conditions) => MakeModel("teacher.safetensors", config => config with { Conditions = [.. conditions] });

    private string MakeModel(string name, Func<DdpmppConfig, DdpmppConfig> change, ModelKind kind = ModelKind.Diffusion)
    {
        using var device = new CpuDevice();
        DdpmppConfig config = change((DdpmppConfig)ModelPresets.Get("demo") with { LabelCount = 5, Resolution = 8, ModelChannels = 8, ChannelMult = [1], AttentionResolutions = [] });
        INetwork network = config.Build();
        using ParameterSlab weights = network.CreateSlab(device);
        network.Initialise(weights, 1);
        foreach (Parameter parameter in weights.Parameters.Where(each => each.Name.EndsWith("conv1.weight", StringComparison.Ordinal) || each.Name.EndsWith("aux_conv.weight", StringComparison.Ordinal)))
            parameter.Value.Upload<float>([.. parameter.Value.ToArray().Select(value => 3e4f * value)]); // an untrained network's blocks and output are near zero
        new TrigFlowModel(network, weights, 0.5f, kind).Save(File(name));
        return File(name);
    }

    private string File(string name) => Path.Combine(folder, name);
}

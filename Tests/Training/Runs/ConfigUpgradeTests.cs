using System.Text.Json.Nodes;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Runs;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>config.json as runs were begun with before each objective had a record of its own.</summary>
public class ConfigUpgradeTests
{
    [Theory]
    [InlineData("trig_flow", typeof(TrigFlowOptions))]
    [InlineData("sct", typeof(ConsistencyOptions))]
    [InlineData("scd", typeof(DistillationOptions))]
    public void An_old_configuration_is_that_of_today(string objective, Type expected)
    {
        RunConfig config = Read(objective);
        Assert.IsType(expected, config.Training.Objective);
        Assert.Equal(objective.Replace("_", "", StringComparison.Ordinal), config.Training.Objective.Name);
        var regression = (RegressionOptions)config.Training.Objective;
        Assert.Equal((-1f, 1.4f, 0.25f, 8), (regression.PMean, regression.PStd, config.Training.Dropout, config.Training.Batch));
        if (regression is ConsistencyOptions consistency)
            Assert.Equal((7, 0.2f), (consistency.TangentWarmUp, consistency.TangentConstant));
        if (regression is TrigFlowOptions diffusion)
            Assert.Equal(0.3f, diffusion.LabelDropout);
        JsonObject again = config.ToJson();
        Assert.False(ConfigUpgrade.Apply(again)); // a config in the current form stays as it is
        Assert.Null(RunConfig.FirstDifference(config.ToJson(), again));
    }

    [Fact]
    public void A_student_that_was_not_told_its_guidance_goes_on_untold()
    {
        RunConfig stored = Read("scd");
        Assert.Equal((2f, false), stored.Training.Objective is DistillationOptions options ? (options.MaxGuidance, options.GuidanceInput) : default);
        RunConfig asked = stored with { Training = stored.Training with { Objective = new DistillationOptions { Name = "scd", MaxGuidance = 2 } } };
        Assert.Equal(["guidance"], asked.WithConditions().Network.Conditions);
        Assert.Empty(ConfigUpgrade.Adopt(asked, stored).WithConditions().Network.Conditions);
        Assert.Equal(["guidance"], ConfigUpgrade.Adopt(asked, asked).WithConditions().Network.Conditions);
    }

    private static RunConfig Read(string objective)
    {
        JsonObject node = JsonNode.Parse($$"""
            {
              "preset": "demo", "data": "synthetic", "teacher": null, "init": null, "images": 320, "flip": false, "dropout": 0.25,
              "log_every": 1, "checkpoint_every": 5, "sample_every": 0, "snapshot_every": 0,
              "training": {
                "objective": {
                  "objective": "{{objective}}", "p_mean": -1, "p_std": 1.4, "label_dropout": 0.3, "tangent_warm_up": 7, "tangent_constant": 0.2,
                  "tangent_norm": "euclidean", "max_guidance": 2
                },
                "optimizer": {
                  "kind": "r_adam", "learning_rate": { "peak": 0.0005, "warm_up_steps": 0, "decay_after_steps": 150 },
                  "beta1": 0.9, "beta2": 0.99, "epsilon": 1E-08, "max_gradient_norm": null
                },
                "average": { "half_life_images": 5000, "ramp_up": 0.05, "power_function": false },
                "batch": 8, "micro_batch": 0, "precision": "fp32", "seed": 0
              },
              "network": {
                "architecture": "ddpmpp", "img_resolution": 16, "img_channels": 3, "model_channels": 16, "channel_mult": [1, 2, 4],
                "num_blocks": 1, "attn_resolutions": [8], "label_dim": 5, "channel_mult_emb": 4
              }
            }
            """)!.AsObject();
        Assert.True(ConfigUpgrade.Apply(node));
        return RunConfig.FromJson("config.json", node);
    }
}

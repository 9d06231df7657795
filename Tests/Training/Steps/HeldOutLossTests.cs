using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>The loss on other images is that of a training step on the averaged weights, with draws of its own and without dropout.</summary>
public class HeldOutLossTests
{
    private const int Batch = 6, MicroBatch = 3, WarmUp = 10;
    private const ulong Seed = 42;

    /// <summary>What the seeds of consecutive phases differ by: the draws are those of the phase before the first.</summary>
    private const ulong PhaseSeeds = 0x9E37_79B9_7F4A_7C15;

    private static readonly INetwork Network = SmallUNet.Config.Build();

    public static IEnumerable<TheoryDataRow<string, string>> Objectives => TestDevices.Cross(["cpu", "cuda"], ["trigflow", "sct", "scd"]);

    [Theory]
    [MemberData(nameof(Objectives))]
    public void Equals_the_loss_of_a_training_step_with_the_same_draws(string device, string objective)
    {
        using TrainingStep training = Create(device, objective, Seed, WarmUp, dropout: 0.5f), untouched = Create(device, objective, Seed, WarmUp, dropout: 0.5f);
        using HeldOutLoss loss = training.RecordHeldOutLoss();
        for (int step = 0; step < 3; step++)
        {
            training.Run(Images(step), Labels(step), step);
            untouched.Run(Images(step), Labels(step), step);
            training.Refresh();
            Mean(loss, step);
        }

        foreach ((StateTensor with, StateTensor without) in training.State.Zip(untouched.State))
            Assert.True(StateBytes.Of(with.Value).AsSpan().SequenceEqual(StateBytes.Of(without.Value)), $"{with.Name} is changed by the measurement");
        float[] average = training.Average.Values.ToArray();
        Assert.NotEqual(average, training.Weights.Values.ToArray());
        double atStart = Mean(loss, 0), atEnd = Mean(loss, WarmUp);
        Assert.Equal(atStart, Mean(loss, 0)); // the draws are the same again
        Assert.Equal(Expected(WarmUp), atStart, 1e-5 * Math.Abs(atStart));
        Assert.Equal(Expected(warmUp: 0), atEnd, 1e-5 * Math.Abs(atEnd));
        Assert.Equal(objective == "trigflow", atStart == atEnd);

        // A step 0 has the tangent's r = 0 with a warm-up, and 1 without.
        double Expected(int warmUp)
        {
            using TrainingStep other = Create(device, objective, unchecked(Seed - PhaseSeeds), warmUp, dropout: 0);
            other.State.Single(entry => entry.Name == "weights").Value.Upload<float>(average);
            other.Refresh();
            other.Run(Images(99), Labels(99), 0);
            return other.FetchStatistics().Loss;
        }
    }

    [Fact]
    public void Refuses_a_pass_of_another_size()
    {
        using TrainingStep training = Create("cpu", "trigflow", Seed, WarmUp, dropout: 0);
        using HeldOutLoss loss = training.RecordHeldOutLoss();
        Assert.Throws<ArgumentException>(() => loss.Measure(Images(0), Labels(0).AsSpan(0, MicroBatch), 0, 0).Length);
        Assert.Throws<ArgumentException>(() => loss.Measure(Images(0).AsSpan(0, Images(0).Length / 2), [], 0, 0).Length);
    }

    private static double Mean(HeldOutLoss loss, long step)
    {
        double sum = 0;
        float[] images = Images(99);
        int pixels = images.Length / Batch;
        for (int first = 0; first < Batch; first += loss.MicroBatch)
            foreach (float each in loss.Measure(images.AsSpan(first * pixels, loss.MicroBatch * pixels), Labels(99).AsSpan(first, loss.MicroBatch), first, step))
                sum += each;
        return sum / Batch;
    }

    private static TrainingStep Create(string device, string objective, ulong seed, int warmUp, float dropout)
    {
        ComputeDevice on = TestDevices.Get(device);
        var options = new TrainingOptions
        {
            Batch = Batch,
            MicroBatch = MicroBatch,
            Seed = seed,
            Dropout = dropout,
            Precision = Precision.Fp32,
            Objective = ObjectiveRegistry.Defaults(objective) switch
            {
                DistillationOptions each => each with { TangentWarmUp = warmUp, MaxGuidance = 2, GuidanceInput = false },
                ConsistencyOptions each => each with { TangentWarmUp = warmUp },
                var other => other,
            },
            Optimizer = new OptimizerOptions { LearningRate = new LearningRateSchedule { Peak = 0.01 } },
            Average = new AverageOptions { HalfLifeImages = 10 },
        };
        TrigFlowModel? teacher = null;
        if (objective == "scd")
        {
            teacher = new TrigFlowModel(Network, Network.CreateSlab(on), 0.5f);
            SmallUNet.Initialise(Network, teacher.Weights, 9);
        }

        return new TrainingStep(on, Network, options, 0.5f, slab => SmallUNet.Initialise(Network, slab, 1), teacher);
    }

    private static float[] Images(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Batch * (int)Network.Config.Image.Count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    private static int[] Labels(int seed) => [.. Enumerable.Range(seed, Batch).Select(n => n % 4 - 1)];
}

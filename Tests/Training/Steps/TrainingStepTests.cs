using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class TrainingStepTests
{
    private const int Batch = 4;
    private static readonly INetwork Network = SmallUNet.Config.Build();
    private static readonly int Pixels = (int)Network.Config.Image.Count;

    public static TheoryData<string> Objectives => [.. Names];

    private static string[] Names => [.. ObjectiveRegistry.All.Keys.Order(StringComparer.Ordinal)];

    public static IEnumerable<TheoryDataRow<string, (string, Precision)>> Resumed =>
        TestDevices.Cross(["cpu"], Names.Select(objective => (objective, Precision.Fp32))).Concat(TestDevices.Cross(
            ["cuda"], Names.SelectMany(objective => new[] { (objective, Precision.Fp32), (objective, Precision.Bf16) })));

    [Theory]
    [MemberData(nameof(Resumed))]
    public void Equal_runs_and_resumed_runs_have_equal_bits(string device, (string Objective, Precision Precision) run)
    {
        using TrainingStep whole = On(seed: 1), again = On(seed: 1), resumed = On(seed: 2);
        Run(whole, 0, 4);
        Run(again, 0, 2);
        foreach ((StateTensor from, StateTensor to) in again.State.Zip(resumed.State))
            StateBytes.Upload(to.Value, StateBytes.Of(from.Value));
        resumed.Refresh();
        Run(again, 2, 4);
        Run(resumed, 2, 4);
        foreach ((StateTensor a, StateTensor b, StateTensor c) in whole.State.Zip(again.State, resumed.State))
        {
            Assert.True(StateBytes.Of(a.Value).AsSpan().SequenceEqual(StateBytes.Of(b.Value)), $"{a.Name} differs between equal runs");
            Assert.True(StateBytes.Of(a.Value).AsSpan().SequenceEqual(StateBytes.Of(c.Value)), $"{a.Name} differs after a resume");
        }

        TrainingStatistics left = whole.FetchStatistics(), right = resumed.FetchStatistics();
        Assert.Equal(left.Means, right.Means);
        Assert.Equal((left.Taken, left.Skipped, left.LongestSkip), (right.Taken, right.Skipped, right.LongestSkip));

        TrainingStep On(int seed) => Create(run.Objective, options => options with { Precision = run.Precision }, seed, device);
    }

    /// <summary>A teacher in fp32 both times: only the student's rounding is seen.</summary>
    [Theory]
    [MemberData(nameof(Bf16Objectives))]
    public void A_step_in_bf16_is_near_one_in_fp32(string device, string objective)
    {
        using TrainingStep exact = Create(objective, options => options with { Precision = Precision.Fp32 });
        using TrainingStep rounded = Create(objective, options => options with { Precision = Precision.Bf16 }, device: device);
        Run(exact, 0, 1);
        Run(rounded, 0, 1);
        double error = OpBattery.RelativeError([.. Values(exact, "first_moment").Select(v => (double)v)], Values(rounded, "first_moment"));
        Assert.InRange(error, 1e-4, 0.05); // below, nothing would have been rounded
        TrainingStatistics a = exact.FetchStatistics(), b = rounded.FetchStatistics();
        Assert.Equal(1, b.Loss / a.Loss, 0.03);
        Assert.Equal((1, 0), (b.Taken, b.Skipped));
    }

    [Theory]
    [MemberData(nameof(Objectives))]
    public void Micro_batches_add_up_to_the_batch(string objective)
    {
        using TrainingStep whole = Create(objective), pieces = Create(objective, options => options with { MicroBatch = 1 });
        Run(whole, 0, 1);
        Run(pieces, 0, 1);
        double[] expected = [.. Values(whole, "first_moment").Select(v => (double)v)];
        Assert.Contains(expected, v => v != 0);
        Assert.InRange(OpBattery.RelativeError(expected, Values(pieces, "first_moment")), 0, 1e-5);
        TrainingStatistics a = whole.FetchStatistics(), b = pieces.FetchStatistics();
        Assert.Equal(a.Loss, b.Loss, 1e-5);
        Assert.Equal(a.TangentNorm, b.TangentNorm, 1e-4);
    }

    [Fact]
    public void A_batch_that_is_not_finite_is_skipped_and_counted()
    {
        using TrainingStep step = Create("sct"), clean = Create("sct");
        Run(step, 0, 2);
        Run(clean, 0, 2);
        string[] held = ["weights", "first_moment", "second_moment", "optimizer", "average", "power_average_0.05", "power_average_0.10"];
        byte[][] before = [.. held.Select(name => StateBytes.Of(Find(step, name)))];
        float[] images = Images(2);
        images[17] = float.NaN;
        step.Run(images, Labels(2), 2);
        step.Run([.. images[..17], float.PositiveInfinity, .. images[18..]], Labels(3), 3);
        Assert.All(held.Zip(before), pair => Assert.True(StateBytes.Of(Find(step, pair.First)).AsSpan().SequenceEqual(pair.Second), pair.First));
        TrainingStatistics statistics = step.FetchStatistics();
        Assert.Equal((2, 2, 2), (statistics.Taken, statistics.Skipped, statistics.LongestSkip));
        Assert.True(double.IsFinite(statistics.Loss) && double.IsFinite(statistics.GradientNorm));

        Run(step, 4, 5); // gradients were cleared: the next step is that of a run without the bad ones
        Run(clean, 4, 5);
        Assert.True(StateBytes.Of(Find(step, "weights")).AsSpan().SequenceEqual(StateBytes.Of(Find(clean, "weights"))));
        Assert.Equal((3, 2, 0), (step.FetchStatistics() is var s ? s.Taken : 0, step.FetchStatistics().Skipped, step.FetchStatistics().LongestSkip));
    }

    [Fact]
    public void Gradient_elements_that_are_not_finite_may_count_as_0()
    {
        static TrainingOptions Zeroing(TrainingOptions options) => options with { Optimizer = options.Optimizer with { NonFinite = NonFiniteGradient.Zero } };
        using TrainingStep step = Create("sct", Zeroing), skipping = Create("sct");
        Run(step, 0, 2);
        Run(skipping, 0, 2);
        Assert.Equal(Values(skipping, "weights"), Values(step, "weights")); // all is finite: the option changes no bit
        Assert.Equal(0, step.FetchStatistics().Means[TallyNames.ZeroedElements]);
        Assert.DoesNotContain(TallyNames.ZeroedElements, skipping.FetchStatistics().Means.Keys);

        float[] images = Images(2);
        images[17] = float.NaN; // one image of four: its NaN reaches the gradient of every layer
        step.Run(images, Labels(2), 2);
        TrainingStatistics statistics = step.FetchStatistics();
        Assert.Equal((3, 0), (statistics.Taken, statistics.Skipped));
        Assert.InRange(statistics.Means[TallyNames.ZeroedElements], 1, Values(step, "weights").Length);
        Assert.True(double.IsFinite(statistics.GradientNorm));
        Assert.NotEqual(Values(skipping, "weights"), Values(step, "weights")); // the moments still move the weights
        foreach (string name in new[] { "weights", "first_moment", "second_moment", "average" })
            Assert.All(Values(step, name), value => Assert.True(float.IsFinite(value)));

        step.Run([.. images.Select(_ => float.NaN)], Labels(2), 3); // no loss is finite: nothing can be learned
        Assert.Equal((3, 1), (step.FetchStatistics() is var s ? s.Taken : 0, step.FetchStatistics().Skipped));
    }

    [Fact]
    public void Keeps_the_averages_that_their_definitions_give()
    {
        using TrainingStep step = Create("trigflow", options => options with { Average = options.Average with { RampUp = null } });
        Assert.Equal(Values(step, "weights"), Values(step, "average"));
        Func<int, double>[] gains =
        [
            _ => 1 - Math.Pow(0.5, Batch / 10.0), // a half-life of 10 images
            i => 1 - Math.Pow(1 - 1.0 / (i + 1), 16.97 + 1), // the exponents of the widths 0.05 and 0.10
            i => 1 - Math.Pow(1 - 1.0 / (i + 1), 6.94 + 1),
        ];
        double[][] expected = [.. gains.Select(_ => Values(step, "weights").Select(v => (double)v).ToArray())];
        for (int i = 0; i < 4; i++)
        {
            Run(step, i, i + 1);
            float[] weights = Values(step, "weights");
            for (int k = 0; k < gains.Length; k++)
                expected[k] = [.. expected[k].Zip(weights, (old, now) => old + gains[k](i) * (now - old))];
        }

        foreach ((double[] average, string name) in expected.Zip(["average", "power_average_0.05", "power_average_0.10"]))
            Assert.InRange(OpBattery.RelativeError(average, Values(step, name)), 0, 1e-6);
        Assert.Equal([0.05, 0.10], step.PowerAverages.Select(average => Math.Round(average.Kind.Width, 6)));
    }

    [Fact]
    public void Learns_the_best_diffusion_network_and_distils_it()
    {
        var flow = new GaussianFlow(Mean: 0.3, Std: 0.25, SigmaData: 0.5);
        var image = new Shape(1, 2, 3, 1);
        INetwork diffusion = AffineNetwork.Of(flow.Diffusion, image), consistency = AffineNetwork.Of(flow.Consistency, image);
        using TrainingStep teacher = Learn(new TrigFlowOptions { Name = "trigflow", PMean = -0.8f }, diffusion, null);
        Assert.Equal(1, teacher.Average[AffineNetwork.Scale].Value.ToArray()[0], 0.05f);
        Assert.Equal(1, teacher.Average[AffineNetwork.Shift].Value.ToArray()[0], 0.05f);
        using TrainingStep student = Learn(new DistillationOptions { Name = "scd", PMean = -0.8f, TangentWarmUp = 50 }, consistency, new TrigFlowModel(diffusion, teacher.Average, 0.5f));
        Assert.Equal(1, student.Average[AffineNetwork.Scale].Value.ToArray()[0], 0.1f);
        Assert.Equal(1, student.Average[AffineNetwork.Shift].Value.ToArray()[0], 0.1f);

        TrainingStep Learn(ObjectiveOptions objective, INetwork network, TrigFlowModel? from)
        {
            var options = new TrainingOptions
            {
                Batch = 128,
                Objective = objective,
                Optimizer = new OptimizerOptions { LearningRate = new LearningRateSchedule { Peak = 0.02, DecayAfterSteps = 50 } },
                Average = new AverageOptions { HalfLifeImages = 128 * 30 },
            };
            var step = new TrainingStep(TestDevices.Get("cpu"), network, options, 0.5f, slab => AffineNetwork.Set(slab, 0.4f, 0.6f, 0), from);
            for (int i = 0; i < 300; i++)
                step.Run(flow.Images(128 * 6, i), [], i);
            return step;
        }
    }

    [Fact]
    public void Refuses_a_teacher_that_does_not_fit()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var other = new TrigFlowModel(Network, Network.CreateSlab(cpu), 0.4f);
        INetwork unguided = AffineNetwork.Of(_ => (0, 0), new Shape(1, 1, 1, 1));
        Assert.Throws<ArgumentException>(() => Create("scd", teacher: null));
        Assert.Throws<ArgumentException>(() => Create("sct", teacher: other));
        Assert.Throws<ArgumentException>(() => Create("scd", teacher: other)); // another sigma_data
        Assert.Throws<ArgumentException>(() => new TrainingStep( // guidance without classes
            cpu, unguided, new TrainingOptions { Objective = new DistillationOptions { MaxGuidance = 2 } },
            0.5f, _ => { }, new TrigFlowModel(unguided, other.Weights, 0.5f)));
        INetwork unlabelled = (SmallUNet.Config with { LabelCount = 0 }).Build();
        using var wrong = new TrigFlowModel(unlabelled, unlabelled.CreateSlab(cpu), 0.5f);
        Assert.Throws<ArgumentException>(() => Create("scd", teacher: wrong));
    }

    [Theory]
    [MemberData(nameof(GpuObjectives))]
    public void Every_device_takes_the_same_steps(string device, string objective)
    {
        using TrainingStep host = Tiny("cpu"), other = Tiny(device);
        for (int step = 0; step < 3; step++) // on a GPU the last is a replay
        {
            float[] images = [.. new GaussianFlow(0.3, 0.25, 0.5).Images(6 * 5, step)];
            host.Run(images, [0, 1, -1, 2, 2, 1], step);
            other.Run(images, [0, 1, -1, 2, 2, 1], step);
        }

        foreach (string name in new[] { "weights", "first_moment", "average" })
            Assert.InRange(OpBattery.RelativeError([.. Values(host, name).Select(v => (double)v)], Values(other, name)), 0, 1e-4);
        TrainingStatistics a = host.FetchStatistics(), b = other.FetchStatistics();
        Assert.Equal(a.Loss, b.Loss, 1e-4);
        Assert.Equal(a.GradientNorm, b.GradientNorm, 1e-4);
        Assert.Equal(a.TangentNorm, b.TangentNorm, 1e-4);
        Assert.Equal((3, 0), (b.Taken, b.Skipped));

        TrainingStep Tiny(string name) => CreateTiny(TestDevices.Get(name), objective, Precision.Fp32);
    }

    [Theory]
    [MemberData(nameof(GpuObjectives))]
    public void The_rounded_copy_follows_the_weights(string device, string objective)
    {
        using TrainingStep step = CreateTiny(TestDevices.Get(device), objective, Precision.Bf16);
        AssertRounded(step.Weights);
        AssertRounded(step.Average);
        float[] first = step.Weights.Values.ToArray();
        for (int i = 0; i < 3; i++)
        {
            step.Run([.. new GaussianFlow(0.3, 0.25, 0.5).Images(6 * 5, i)], [0, 1, -1, 2, 2, 1], i);
            AssertRounded(step.Weights);
        }

        Assert.NotEqual(first, step.Weights.Values.ToArray());
        Find(step, "weights").Upload<float>(first);
        step.Refresh();
        AssertRounded(step.Weights);
        AssertRounded(step.Average);

        static void AssertRounded(ParameterSlab slab)
        {
            BFloat16[] copy = new BFloat16[slab.ComputeValues!.Count];
            slab.ComputeValues.Download(copy.AsSpan());
            Assert.Equal(slab.Values.ToArray().Select(BFloat16.FromSingle), copy);
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Tells_the_time_of_every_launch_of_a_step(string device)
    {
        using TrainingStep step = CreateTiny(TestDevices.Get(device), "sct", Precision.Fp32);
        step.Run([.. new GaussianFlow(0.3, 0.25, 0.5).Images(6 * 5, 0)], [0, 1, -1, 2, 2, 1], 0);
        IReadOnlyList<StepTime> times = step.Time(repetitions: 2);
        Assert.Contains(times, time => time.Step.Op == "consistency-target.forward");
        Assert.Equal("radam.update", times[^1].Step.Op);
        Assert.All(times, time => Assert.InRange(time.Seconds, 0, 10));
    }

    private static TrainingStep CreateTiny(ComputeDevice on, string objective, Precision precision)
    {
        INetwork network = new TinyNetwork(channels: 5, labelCount: 3);
        var options = new TrainingOptions
        {
            Batch = 6,
            MicroBatch = 3,
            Precision = precision,
            Objective = Options(objective, warmUp: 2),
            Optimizer = new OptimizerOptions { Kind = OptimizerKind.RAdam, LearningRate = new LearningRateSchedule { Peak = 0.1 } },
        };
        TrigFlowModel? teacher = null;
        if (objective == "scd")
        {
            teacher = new TrigFlowModel(network, network.CreateSlab(on, activations: precision.ActivationsOn(on)), 0.5f);
            TinyNetwork.Fill(teacher.Weights, 3);
            network.RefreshComputeWeights(teacher.Weights);
        }

        return new TrainingStep(on, network, options, 0.5f, slab => TinyNetwork.Fill(slab, 4), teacher);
    }

    /// <summary>The simulator takes seconds for one.</summary>
    public static IEnumerable<TheoryDataRow<string, string>> Bf16Objectives =>
        TestDevices.Cross(["simulator"], ["sct"]).Concat(TestDevices.Cross(["cuda"], Names));

    public static IEnumerable<TheoryDataRow<string, string>> GpuObjectives =>
        TestDevices.Cross(["simulator", "cuda"], Names);

    [Fact]
    public void Refuses_a_batch_of_another_size()
    {
        using TrainingStep step = Create("trigflow");
        Assert.Throws<ArgumentException>(() => step.Run(Images(0).AsSpan(1), Labels(0), 0));
        Assert.Throws<ArgumentException>(() => step.Run(Images(0), [], 0));
    }

    private static TrainingStep Create(
        string objective, Func<TrainingOptions, TrainingOptions>? change = null, int weightSeed = 1, string device = "cpu")
    {
        TrigFlowModel? teacher = objective == "scd" ? Teacher(device) : null;
        return Create(objective, teacher, change, weightSeed, device);
    }

    private static TrainingStep Create(
        string objective, TrigFlowModel? teacher, Func<TrainingOptions, TrainingOptions>? change = null, int weightSeed = 1,
        string device = "cpu")
    {
        var options = new TrainingOptions
        {
            Batch = Batch,
            Seed = 42,
            Dropout = 0.1f,
            Objective = Options(objective, warmUp: 3),
            Optimizer = new OptimizerOptions { Kind = objective == "trigflow" ? OptimizerKind.Adam : OptimizerKind.RAdam, MaxGradientNorm = 10 },
            Average = new AverageOptions { HalfLifeImages = 10, PowerFunction = true },
        };
        return new TrainingStep(
            TestDevices.Get(device), Network, change?.Invoke(options) ?? options, 0.5f, slab => SmallUNet.Initialise(Network, slab, (ulong)weightSeed), teacher);
    }

    /// <summary>Guided distillation here does not tell the student: the network has no such input.</summary>
    private static ObjectiveOptions Options(string name, int warmUp) => ObjectiveRegistry.Defaults(name) switch
    {
        DistillationOptions options => options with { TangentWarmUp = warmUp, MaxGuidance = 2, GuidanceInput = false },
        ConsistencyOptions options => options with { TangentWarmUp = warmUp },
        TrigFlowOptions options => options with { LabelDropout = 0.3f },
        var other => other,
    };

    private static TrigFlowModel Teacher(string device)
    {
        INetwork network = SmallUNet.Config.Build();
        ParameterSlab slab = network.CreateSlab(TestDevices.Get(device));
        SmallUNet.Initialise(network, slab, 9);
        return new TrigFlowModel(network, slab, 0.5f);
    }

    private static void Run(TrainingStep step, int first, int end)
    {
        for (int i = first; i < end; i++)
            step.Run(Images(i), Labels(i), i);
    }

    private static float[] Images(int step)
    {
        var random = new Random(step);
        return [.. Enumerable.Range(0, Batch * Pixels).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    private static int[] Labels(int step) => [.. Enumerable.Range(step, Batch).Select(n => n % 4 - 1)];

    private static Tensor Find(TrainingStep step, string name) => step.State.Single(entry => entry.Name == name).Value;

    private static float[] Values(TrainingStep step, string name) => Find(step, name).ToArray();
}

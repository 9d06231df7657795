using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>The seam of objectives with several players, phases and stages, by one that has all of them: see <see cref="Chase"/>.</summary>
public class PlayersTests
{
    /// <summary>Where the network's shift lies in a slab: each parameter begins at a multiple of 256 bytes.</summary>
    private const int Shift = 64;

    private static readonly Shape Image = new(1, 2, 3, 1);
    private static readonly GaussianFlow Flow = new(Mean: 0.3, Std: 0.25, SigmaData: 0.5);

    [Fact]
    public void Phases_run_when_they_are_due_and_train_their_player_alone()
    {
        using TrainingStep step = Create();
        float[] student = Values(step, "weights"), chaser = Values(step, "chaser.weights");
        Run(step, 0, 1); // the student's phase runs at every step, the chaser's at 1, 4, 7, ...
        Assert.NotEqual(student, student = Values(step, "weights"));
        Assert.Equal(chaser, Values(step, "chaser.weights"));
        Run(step, 1, 2);
        Assert.NotEqual(student, Values(step, "weights"));
        Assert.NotEqual(chaser, chaser = Values(step, "chaser.weights"));
        Run(step, 2, 4);
        Assert.Equal(chaser, Values(step, "chaser.weights"));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 3)]
    [InlineData(3, -1)]
    public void A_phase_that_would_never_run_is_refused(int period, int offset) => Assert.Throws<ArgumentException>(() => new Phase("student", period, offset));

    [Fact]
    public void Every_player_has_its_optimizer_counters_and_columns()
    {
        using TrainingStep step = Create();
        Run(step, 0, 4);
        TrainingStatistics statistics = step.FetchStatistics();
        string[] columns = ["chaser_distance", "chaser_gradient_norm", "chaser_loss", "distance", "error", "gradient_norm", "loss", "tangent_norm"];
        Assert.Equal(columns, statistics.Means.Keys.Order(StringComparer.Ordinal));
        Assert.All(statistics.Means.Where(mean => mean.Key is not ("error" or "tangent_norm")), mean => Assert.True(double.IsFinite(mean.Value), mean.Key));
        Assert.Equal((4, 0), (statistics.Taken, statistics.Skipped));
        Assert.Equal(
            ["weights", "first_moment", "second_moment", "optimizer", "average", "counters", "chaser.weights", "chaser.first_moment", "chaser.second_moment",
                "chaser.optimizer", "chaser.counters", "previous.weights", "log"],
            step.State.Select(tensor => tensor.Name));
        Assert.Equal(0.2f + 0.5f, Values(step, "chaser.weights")[Shift], 1e-5f); // Adam's first step is as long as the rate, which is its own
    }

    /// <summary>Of a loss that is a constant to the tape the backward pass knows nothing; the cotangent that was given decides.</summary>
    [Fact]
    public void A_given_cotangent_takes_the_place_of_a_loss()
    {
        using TrainingStep step = Create();
        Run(step, 0, 1);
        // (1 - beta1) times the sum of the cotangent over all pixels, 2: F is the shift itself.
        Assert.Equal(0.1f * 2f, Values(step, "first_moment")[Shift], 1e-5f);
    }

    [Fact]
    public void Stages_copy_weights_and_start_optimizers_anew_by_the_step_alone()
    {
        using TrainingStep step = Create();
        Run(step, 0, 3);
        float[] average = Values(step, "average");
        Assert.NotEqual(average, Values(step, "previous.weights"));
        Run(step, 3, 4); // a stage begins
        Assert.Equal(average, Values(step, "previous.weights"));
        Assert.Equal(1.0, Doubles(step, "optimizer")[2]); // one step since
        Assert.Equal(3.0, Doubles(step, "optimizer", Run(step, 4, 6))[2]);
    }

    /// <summary>The student's slab also holds the adaptive weight, and the frozen player's does not.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_stage_copies_the_parameters_of_the_network_alone(bool average)
    {
        using TrainingStep step = Create(new Described
        {
            OfPlayers = [PlayerSpec.OfStudent(), new PlayerSpec("frozen") { IsTrained = false }],
            Before = (number, players) =>
            {
                if (number == 2)
                    players.CopyWeights(Objective.Student, "frozen", average);
            },
        }.Options, TestDevices.Get("cpu"));
        Run(step, 0, 2);
        float[] student = Values(step, average ? "average" : "weights");
        Assert.NotEqual(student[Shift], Values(step, "frozen.weights")[Shift]);
        Run(step, 2, 3);
        float[] frozen = Values(step, "frozen.weights");
        Assert.True(frozen.Length < student.Length);
        Assert.Equal(student[..frozen.Length], frozen);
    }

    [Fact]
    public void A_stage_does_not_copy_between_different_networks()
    {
        var other = new TinyNetwork(channels: 1, labelCount: 3);
        using TrainingStep step = Create(new Described
        {
            OfPlayers = [PlayerSpec.OfStudent(), new PlayerSpec("other") { IsTrained = false, Network = other, Start = PlayerStart.Fresh }],
            Before = (_, players) => players.CopyWeights(Objective.Student, "other", average: false),
        }.Options, TestDevices.Get("cpu"));
        Assert.Contains("other", Assert.Throws<ArgumentException>(() => Run(step, 0, 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("learning_rate")]
    [InlineData("average")]
    public void A_scalar_of_an_objective_does_not_replace_one_of_a_player(string name)
    {
        using TrainingStep plain = Create(new Described().Options, TestDevices.Get("cpu"));
        using TrainingStep named = Create(new Described { Recording = phase => phase.Scalar(name, _ => 0) }.Options, TestDevices.Get("cpu"));
        Run(plain, 0, 2);
        Run(named, 0, 2);
        Assert.Equal(Values(plain, "weights"), Values(named, "weights"));
        Assert.Equal(Values(plain, "average"), Values(named, "average"));
    }

    [Theory]
    [InlineData("step")]
    [InlineData("objective")]
    [InlineData("kimg")]
    [InlineData("learning_rate")]
    [InlineData("skipped")]
    [InlineData("images_per_second")]
    [InlineData("loss")]
    [InlineData("gradient_norm")]
    [InlineData("frozen_loss")] // that of another player
    [InlineData("error")] // the regression tallies it too
    public void A_tally_that_would_mix_with_another_column_is_refused(string name)
    {
        var objective = new Described
        {
            OfPlayers = [PlayerSpec.OfStudent(), new PlayerSpec("frozen") { IsTrained = false }],
            Recording = phase => phase.Tally(name, phase.Program.Constant(phase.Batch.PerImage, 1)),
        };
        Assert.Contains($"'{name}'", Assert.Throws<ArgumentException>(() => Create(objective.Options, TestDevices.Get("cpu"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Phases_of_one_player_add_to_the_same_tally()
    {
        using TrainingStep step = Create(new Described { OfPhases = [new Phase(Objective.Student), new Phase(Objective.Student)] }.Options, TestDevices.Get("cpu"));
        Run(step, 0, 1);
        Assert.True(double.IsFinite(step.FetchStatistics().Error));
    }

    [Theory]
    [InlineData("no students", "the first player")]
    [InlineData("student second", "the first player")]
    [InlineData("no average", "not averaged")]
    [InlineData("a name twice", "two players 'other'")]
    [InlineData("no teacher", "starts from the teacher")]
    [InlineData("no phases", "has no phases")]
    [InlineData("unknown player", "'nobody'")]
    [InlineData("untrained player", "'frozen'")]
    public void Players_and_phases_that_do_not_fit_are_refused_in_a_sentence(string fault, string named)
    {
        PlayerSpec student = PlayerSpec.OfStudent(), other = new("other"), frozen = new("frozen") { IsTrained = false };
        Described objective = fault switch
        {
            "no students" => new() { OfPlayers = [], OfPhases = [] },
            "student second" => new() { OfPlayers = [other, student] },
            "no average" => new() { OfPlayers = [student with { IsAveraged = false }] },
            "a name twice" => new() { OfPlayers = [student, other, other] },
            "no teacher" => new() { OfPlayers = [student, other with { Start = PlayerStart.Teacher }] },
            "no phases" => new() { OfPhases = [] },
            "unknown player" => new() { OfPhases = [new Phase("nobody")] },
            _ => new() { OfPlayers = [student, frozen], OfPhases = [new Phase(Objective.Student), new Phase("frozen")] },
        };
        string message = Assert.Throws<ArgumentException>(() => Create(objective.Options, TestDevices.Get("cpu"))).Message;
        Assert.Contains(named, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    /// <summary>The command line prints the message in a line, and its exit code is 2.</summary>
    [Fact]
    public void A_run_of_an_objective_whose_players_do_not_fit_is_a_wrong_request()
    {
        using var folder = new TemporaryFolder();
        var config = new RunConfig
        {
            Data = ImageDataset.Synthetic,
            Images = 8,
            Network = (DdpmppConfig)ModelPresets.Get("demo") with { Resolution = 8, ModelChannels = 8, ChannelMult = [1], AttentionResolutions = [] },
            Training = new TrainingOptions { Batch = 8, Objective = new Described { OfPhases = [] }.Options },
        };
        Assert.Contains("no phases", Assert.Throws<UsageException>(() => Trainer.Run(config, folder.Path, TestDevices.Get("cpu"), TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_resumed_run_has_the_bits_of_one_that_never_stopped()
    {
        using TrainingStep whole = Create(), first = Create(), resumed = Create();
        Run(whole, 0, 7);
        Run(first, 0, 3);
        foreach ((StateTensor from, StateTensor to) in first.State.Zip(resumed.State))
            StateBytes.Upload(to.Value, StateBytes.Of(from.Value));
        resumed.Refresh();
        Run(resumed, 3, 7);
        foreach ((StateTensor expected, StateTensor actual) in whole.State.Zip(resumed.State))
            Assert.True(StateBytes.Of(expected.Value).AsSpan().SequenceEqual(StateBytes.Of(actual.Value)), expected.Name);
    }

    [Fact]
    public void An_update_that_is_not_finite_is_skipped_for_its_player_alone()
    {
        using TrainingStep step = Create();
        Run(step, 0, 1);
        float[] student = Values(step, "weights"), chaser = Values(step, "chaser.weights");
        float[] images = Flow.Images(8 * 6, 1);
        images[3] = float.NaN; // the chaser alone looks at images
        step.Run(images, [], 1);
        Assert.NotEqual(student, Values(step, "weights"));
        Assert.Equal(chaser, Values(step, "chaser.weights"));
        TrainingStatistics statistics = step.FetchStatistics();
        Assert.Equal((2, 1, 1), (statistics.Taken, statistics.Skipped, statistics.LongestSkip));
    }

    private static TrainingStep Create() => Create(new ChaseOptions { Name = "chase" }, TestDevices.Get("cpu"));

    private static TrainingStep Create(ObjectiveOptions objective, ComputeDevice device)
    {
        var options = new TrainingOptions
        {
            Batch = 8,
            MicroBatch = 4,
            Objective = objective,
            Optimizer = new OptimizerOptions { LearningRate = new LearningRateSchedule { Peak = 0.01 } },
            Average = new AverageOptions { HalfLifeImages = 50 },
        };
        return new TrainingStep(device, AffineNetwork.Of(_ => (0, 1), Image), options, 0.5f, slab => AffineNetwork.Set(slab, 0.1f, 0.2f, 0));
    }

    private static TrainingStep Run(TrainingStep step, int first, int end)
    {
        for (int i = first; i < end; i++)
            step.Run(Flow.Images(8 * 6, i), [], i);
        return step;
    }

    private static float[] Values(TrainingStep step, string name) => step.State.Single(tensor => tensor.Name == name).Value.ToArray();

    private static double[] Doubles(TrainingStep step, string name, TrainingStep? after = null)
    {
        double[] values = new double[(after ?? step).State.Single(tensor => tensor.Name == name).Value.Count];
        step.State.Single(tensor => tensor.Name == name).Value.Download(values.AsSpan());
        return values;
    }

    private sealed record ChaseOptions : ObjectiveOptions
    {
        public override void Validate()
        {
        }

        public override Objective Create() => new Chase();
    }

    /// <summary>
    /// The student is moved by a cotangent of 2 at its output; a chaser with an optimizer of its own regresses the images every third step; every
    /// third step the student's average is copied to a frozen player, and its optimizer is reset.
    /// </summary>
    private sealed class Chase : Objective
    {
        private const string Chaser = "chaser", Previous = "previous";

        public override ModelKind Makes => ModelKind.Diffusion;

        public override IReadOnlyList<PlayerSpec> Players =>
        [
            new PlayerSpec(Student) { IsAveraged = true },
            new PlayerSpec(Chaser) { Optimizer = new OptimizerOptions { LearningRate = new LearningRateSchedule { Peak = 0.5 } } },
            new PlayerSpec(Previous) { IsTrained = false },
        ];

        public override IReadOnlyList<Phase> Phases => [new Phase(Student), new Phase(Chaser, Period: 3, Offset: 1)];

        public override void BeforeStep(long step, IStagedPlayers players)
        {
            if (step == 0 || step % 3 != 0)
                return;
            players.CopyWeights(Student, Previous, average: true);
            players.ResetOptimizer(Student);
        }

        public override PhasePass Record(PhaseRecorder phase)
        {
            (ComputeProgram program, PhaseBatch batch) = (phase.Program, phase.Batch);
            Tensor t = new FixedTime(1).Draw(program, batch), w = program.Constant(batch.PerImage, 0);
            Tensor x = program.Constant(batch.Images.Shape, 1), other = program.Constant(batch.Images.Shape, 0);
            Tensor f = phase.Trained.F(program, x, new NetworkConditions(t));
            Tensor target = phase.Phase.Player == Student ? phase.Player(Previous).F(program, x, new NetworkConditions(t)) : batch.Images;
            Tensor loss = RegressionLoss.Apply(program, f, target, w, LossKind.Huber, 0.1f, out Tensor error);
            phase.Tally("distance", error);
            if (phase.Phase.Player != Student)
                return new PhasePass(loss);
            long elements = batch.Images.Shape.Count / batch.Images.Shape.N;
            return new PhasePass(loss) { Given = (f, program.Constant(f.Shape, 2 * batch.Share / elements)) };
        }
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>
/// A training step, recorded once and run many times: the phases of an objective in order. Its result depends only on the options,
/// the state, the batch and the step's number.
/// </summary>
/// <remarks>
/// If a loss or gradient of a phase is not finite, its player's weights, moments and averages stay as they are and the skip is counted, unless the
/// optimizer takes such elements as 0 (<see cref="Optimization.NonFiniteGradient"/>).
/// A step waits for the device only if the host is a few batches ahead of it; statistics stay on the device until they are fetched.
/// Not thread-safe.
/// </remarks>
public sealed class TrainingStep : IDisposable, IStagedPlayers
{
    private readonly TrainingOptions options;
    private readonly Objective objective;
    private readonly Dictionary<string, Player> players = [];
    private readonly List<PhaseProgram> phases = [];
    private readonly Stack<IDisposable> owned = [];
    private readonly StepScalars scalars;
    private readonly Tallies tallies;
    private readonly StepBatch batch;
    private readonly float sigmaData;
    private readonly NetworkWeights? teaching, guiding;

    /// <summary>Allocates the state and records the programs.</summary>
    /// <param name="device">Device of the training.</param>
    /// <param name="network">The student's network.</param>
    /// <param name="options">All settings of the training.</param>
    /// <param name="sigmaData">Standard deviation of the data over all pixels and channels, in the data's unit; positive.</param>
    /// <param name="initialise">
    /// Writes the student's initial weights into a slab, compute weights included, by <see cref="NetworkSlab.Initialise"/> or from a file. Its
    /// exceptions pass through.
    /// </param>
    /// <param name="teacher">Diffusion model of an objective with a teacher, on the same device; it must outlive the step. Null for other objectives.</param>
    /// <param name="guide">
    /// A second diffusion model that guides the teacher, see <see cref="DiffusionSampler.RequireGuide"/>; it must outlive the step. Null for the teacher without class.
    /// </param>
    /// <exception cref="ArgumentException">
    /// An option is out of range, the teacher is missing, superfluous or does not fit, or the guide does, the network does not fit the objective, or the objective's players,
    /// phases or tallies do not fit together.
    /// </exception>
    /// <exception cref="InvalidOperationException">The objective records more than 64 scalars or tallies.</exception>
    public TrainingStep(
        ComputeDevice device, INetwork network, TrainingOptions options, float sigmaData, Action<ParameterSlab> initialise, TrigFlowModel? teacher = null,
        TrigFlowModel? guide = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(initialise);
        options.Validate();
        if (!(sigmaData is > 0 and < float.PositiveInfinity))
            throw new ArgumentException($"sigma_data must be positive, not {sigmaData}");
        (this.options, objective, this.sigmaData) = (options, options.Objective.Create(), sigmaData);
        teaching = teacher is null ? null : new NetworkWeights(teacher.Network, teacher.Weights);
        guiding = guide is null ? null : new NetworkWeights(guide.Network, guide.Weights);
        TeacherCheck.Require(options.Objective, network, sigmaData, ModelFacts.Of(teacher), ModelFacts.Of(guide));
        try
        {
            foreach (PlayerSpec spec in objective.Players)
                AddPlayer(device, spec.For(spec.Network ?? network), spec.Network ?? network, initialise, teacher);
            scalars = Own(new StepScalars(device));
            tallies = Own(new Tallies(device, players.Values.SelectMany(player => new[] { player.Prefixed(TallyNames.Loss), player.Prefixed(TallyNames.GradientNorm), player.Prefixed(TallyNames.ZeroedElements) })));
            batch = Own(new StepBatch(device, network.Config, options));
            RecordPhases();
        }
        catch
        {
            Dispose(); // initialise may have refused a file, or the objective a network: the caller can try another
            throw;
        }
    }

    /// <summary>The student's weights: those of the network, followed by those of the adaptive weight.</summary>
    public ParameterSlab Weights => Student.Weights;

    /// <summary>The average of the student's weights to sample from and to store as the result: with a half-life, or the power-function average that the options choose.</summary>
    public ParameterSlab Average => Student.Average!;

    /// <summary>The student's power-function averages, empty unless the options ask for them.</summary>
    public IReadOnlyList<(PowerAverage Kind, ParameterSlab Weights)> PowerAverages => Student.PowerAverages;

    /// <summary>
    /// Every tensor that must be stored and restored, by name, for a run to continue bit for bit. Call <see cref="Refresh"/> after
    /// writing to them.
    /// </summary>
    public IReadOnlyList<StateTensor> State => [.. players.Values.SelectMany(player => player.State), new("log", tallies.State)];

    private Player Student => players[Objective.Student];

    /// <summary>Runs a training step; on a GPU it may still be running when this returns.</summary>
    /// <param name="images">Images (batch, H, W, C) in the data's unit, pixels in [-1, 1].</param>
    /// <param name="labels">Class of each image (batch), -1 for none; empty if the network has no classes.</param>
    /// <param name="step">Number of the step, from 0; decides random numbers, phases, stages, learning rates and averages.</param>
    /// <exception cref="ArgumentException">The batch does not have the recorded number of images, pixels or labels, or the step is negative.</exception>
    /// <exception cref="ObjectDisposedException">The training step has been disposed.</exception>
    /// <exception cref="OverflowException">The step is above 2^31 - 1.</exception>
    public void Run(ReadOnlySpan<float> images, ReadOnlySpan<int> labels, long step)
    {
        batch.Check(images, labels);
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        objective.BeforeStep(step, this);
        scalars.Upload(step);
        foreach (PhaseProgram phase in phases.Where(phase => phase.IsDue(step)))
        {
            for (int i = 0; i < options.Batch; i += options.MicroBatchSize)
            {
                batch.Upload(images, labels, step, first: i);
                phase.Accumulate();
            }

            phase.Update();
        }
    }

    /// <summary>The program steps of all phases in order, for timing them one by one.</summary>
    internal IReadOnlyList<ProgramStep> ProgramSteps => [.. phases.SelectMany(phase => phase.Steps)];

    /// <summary>
    /// Recomputes the compute weights of weights and averages from <see cref="State"/>. Training steps keep those of the weights up to
    /// date, but not those of the average, which only sampling reads. Waits for the device.
    /// </summary>
    public void Refresh()
    {
        foreach (Player player in players.Values)
            player.RefreshComputeWeights();
    }

    /// <summary>Records the objective's loss of the averaged weights on other images. The caller releases it, before this step.</summary>
    /// <exception cref="ArgumentException">No phase of the objective trains the student.</exception>
    /// <exception cref="MemoryLimitException">The device has not the memory of a forward pass besides that of the training.</exception>
    internal HeldOutLoss RecordHeldOutLoss()
    {
        var weights = players.ToDictionary(
            player => player.Key, player => new NetworkWeights(player.Value.Network, player.Key == Objective.Student ? Average : player.Value.Weights));
        return new HeldOutLoss(Weights.Device, options, Student.Network.Config, sigmaData, weights, teaching, guiding);
    }

    /// <summary>Fetches the means since the last call, and the counts; waits for the device.</summary>
    public TrainingStatistics FetchStatistics()
    {
        (int Taken, int Skipped, int LongestSkip)[] counts = [.. players.Values.Select(player => player.FetchCounts())];
        return new TrainingStatistics(tallies.Fetch()) { Taken = counts[0].Taken, Skipped = counts.Sum(each => each.Skipped), LongestSkip = counts.Max(each => each.LongestSkip) };
    }

    /// <summary>
    /// Measures every launch of each phase: those of a micro-batch, then those of the update. The launches run several times over the last
    /// batch, which destroys the training state: dispose of the step afterwards.
    /// </summary>
    /// <param name="repetitions">Number of measurements of each launch, at least 1.</param>
    public IReadOnlyList<StepTime> Time(int repetitions = 5) => [.. phases.SelectMany(phase => phase.Time(repetitions))];

    /// <inheritdoc/>
    void IStagedPlayers.CopyWeights(string from, string to, bool average)
    {
        Player source = players[from], target = players[to];
        ParameterSlab weights = !average ? source.Weights : source.Average ?? throw new InvalidOperationException($"the player {from} has no average");
        if (!Layout(source).SetEquals(Layout(target)))
            throw new ArgumentException($"the networks of the players {from} and {to} have different parameters");
        target.Network.CopyWeights(weights, target.Weights);

        static HashSet<(string Name, Shape Shape)> Layout(Player player) => [.. player.Network.Parameters.Select(parameter => (parameter.Name, parameter.Shape))];
    }

    /// <inheritdoc/>
    void IStagedPlayers.ResetOptimizer(string player) => players[player].ResetOptimizer();

    /// <summary>Releases the state and the programs.</summary>
    public void Dispose()
    {
        while (owned.TryPop(out IDisposable? last))
            last.Dispose();
    }

    /// <summary>Keeps what was created, to be released in reverse.</summary>
    private T Own<T>(T created)
        where T : IDisposable
    {
        owned.Push(created);
        return created;
    }

    private void AddPlayer(ComputeDevice device, PlayerSpec spec, INetwork network, Action<ParameterSlab> initialise, TrigFlowModel? teacher)
    {
        Player player = Own(new Player(device, spec, network, options));
        players.Add(spec.Name, player);
        switch (spec.Start)
        {
            case PlayerStart.Student when spec.Name == Objective.Student:
                initialise(player.Weights);
                break;
            case PlayerStart.Fresh:
                network.Initialise(player.Weights, options.Seed);
                break;
            default:
                network.CopyWeights(spec.Start == PlayerStart.Teacher ? teacher!.Weights : Weights, player.Weights);
                break;
        }

        player.Start();
    }

    private void RecordPhases()
    {
        var weights = players.ToDictionary(player => player.Key, player => new NetworkWeights(player.Value.Network, player.Value.Weights));
        foreach ((int index, Phase phase) in objective.Phases.Index())
        {
            Player player = players[phase.Player];
            PhaseBatch inputs = batch.OfPhase(index, sigmaData);
            phases.Add(Own(new PhaseProgram(
                phase, player, program => objective.Record(new PhaseRecorder(
                    program, phase, inputs, weights, teaching, options.Dropout, options.DropoutResolution, scalars.OfObjective,
                    (name, values) => Tally.Into(program, values, tallies.OfObjective(player.Prefixed(name), phase.Player, index)))
                { Guide = guiding }),
                inputs.Share, scalars, tallies, options.Recompute)));
        }
    }
}

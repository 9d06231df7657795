using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>All that an objective needs to record a phase: the batch, the players, random numbers, scalars that depend on the step, and tallies.</summary>
public sealed class PhaseRecorder
{
    private readonly Func<string, Func<long, double>, Tensor> scalar;
    private readonly Action<string, Tensor> tally;
    private readonly IReadOnlyDictionary<string, NetworkWeights> players;
    private readonly Dictionary<string, Tensor> named = [];
    private readonly float dropoutRate;
    private readonly int? dropoutResolution;

    internal PhaseRecorder(
        ComputeProgram program, Phase phase, PhaseBatch batch, IReadOnlyDictionary<string, NetworkWeights> players, NetworkWeights? teacher,
        float dropoutRate, int? dropoutResolution, Func<string, Func<long, double>, Tensor> scalar, Action<string, Tensor> tally)
    {
        (Program, Phase, Batch, Teacher) = (program, phase, batch, teacher);
        (this.players, this.dropoutRate, this.dropoutResolution, this.scalar, this.tally) = (players, dropoutRate, dropoutResolution, scalar, tally);
    }

    /// <summary>Program of the phase's forward and backward pass.</summary>
    public ComputeProgram Program { get; }

    /// <summary>The phase.</summary>
    public Phase Phase { get; }

    /// <summary>Images, labels, random numbers and sigma_data of the micro-batch.</summary>
    public PhaseBatch Batch { get; }

    /// <summary>The player that the phase trains; the program's tape watches its parameters.</summary>
    /// <exception cref="ArgumentException">The objective has no such player.</exception>
    public NetworkWeights Trained => Player(Phase.Player);

    /// <summary>The teacher, a diffusion model with fixed weights; null if there is none.</summary>
    public NetworkWeights? Teacher { get; }

    /// <summary>Dropout of the trained player's passes; null for none. Two passes with it have the same masks.</summary>
    public NetworkDropout? Dropout => dropoutRate > 0
        ? new NetworkDropout(Batch.Random.For(RandomPurpose.Dropout), dropoutRate) { MaxResolution = dropoutResolution }
        : null;

    /// <summary>Named tensors of the phase, for tests and inspection.</summary>
    internal IReadOnlyDictionary<string, Tensor> Named => named;

    /// <summary>Returns a player's network and weights.</summary>
    /// <exception cref="ArgumentException">The objective has no player of that name.</exception>
    public NetworkWeights Player(string name) => players.TryGetValue(name, out NetworkWeights? player)
        ? player
        : throw new ArgumentException($"the objective has no player '{name}': {string.Join(", ", players.Keys)}");

    /// <summary>Returns a scalar in device memory, (1) fp32, that changes from step to step, such as a warm-up.</summary>
    /// <param name="name">Name of the scalar; the same name gives the same tensor.</param>
    /// <param name="valueAt">Its value at a training step counted from 0; a pure function.</param>
    /// <exception cref="InvalidOperationException">A step has more than 64 scalars.</exception>
    public Tensor Scalar(string name, Func<long, double> valueAt) => scalar(name, valueAt);

    /// <summary>
    /// Records a tally, a column of metrics.csv: the mean of a tensor's finite values over the steps between two lines of the log.
    /// </summary>
    /// <param name="name">Name of the column. The name of a player other than the student is put before it.</param>
    /// <param name="values">Values of any shape, fp32, without tangent.</param>
    /// <exception cref="ArgumentException">
    /// The values are not fp32 or have a tangent; or the name is that of a column that the training writes itself (<see cref="TallyNames.Loss"/>,
    /// <see cref="TallyNames.GradientNorm"/>, step, images_per_second, ...), or is tallied by this phase or for another player already.
    /// </exception>
    /// <exception cref="InvalidOperationException">A training has more than 64 tallies.</exception>
    public void Tally(string name, Tensor values)
    {
        tally(name, values);
        Name(name, values);
    }

    /// <summary>Names an intermediate tensor, for tests and inspection; this costs nothing.</summary>
    public void Name(string name, Tensor values) => named[name] = values;
}

/// <summary>The micro-batch of a phase, in device memory.</summary>
/// <param name="Images">x_0 (N, H, W, C), in the data's unit.</param>
/// <param name="Labels">Class of each image, Int32 (N), -1 for none; null if the network has no classes.</param>
/// <param name="Random">Random numbers of the phase; <see cref="RandomSource.For"/> gives a stream for a purpose.</param>
/// <param name="SigmaData">Standard deviation of the data, in the data's unit.</param>
/// <param name="Share">Weight of a sample in the mean over the whole batch of a training step: 1 / batch, whatever the size of the micro-batch.</param>
public sealed record PhaseBatch(Tensor Images, Tensor? Labels, RandomSource Random, float SigmaData, float Share)
{
    /// <summary>Shape (N) of one number per image.</summary>
    public Shape PerImage => new(Images.Shape.N);
}

/// <summary>A network with its weights.</summary>
/// <param name="Network">The architecture.</param>
/// <param name="Weights">Slab of the network's parameters.</param>
public sealed record NetworkWeights(INetwork Network, ParameterSlab Weights)
{
    /// <summary>Records F of x under the conditions; see <see cref="NetworkSlab.F"/>.</summary>
    /// <exception cref="ArgumentException">A shape or condition does not fit the network's configuration.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    public Tensor F(ComputeProgram program, Tensor x, NetworkConditions conditions, NetworkDropout? dropout = null) =>
        Network.F(program, Weights, x, conditions, dropout);
}

/// <summary>Result of a phase's forward pass, from which the backward pass starts.</summary>
/// <param name="Loss">
/// Loss of each sample (N). It is tallied, and an update with a non-finite loss is skipped. Unless a cotangent is given, its mean over the batch
/// is differentiated.
/// </param>
public sealed record PhasePass(Tensor Loss)
{
    /// <summary>
    /// Output of the trained player and its cotangent of the same shape, for objectives that know the gradient without a loss; the backward pass
    /// then starts there. The cotangent is that of the mean over the whole batch, so it includes the factor <see cref="PhaseBatch.Share"/>.
    /// </summary>
    public (Tensor Output, Tensor Cotangent)? Given { get; init; }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>What an objective records a phase with: the batch, the players, random numbers, numbers that follow the step, and the log.</summary>
public sealed class PhaseRecorder
{
    private readonly Func<string, Func<long, double>, Tensor> scalar;
    private readonly Action<string, Tensor> tally;
    private readonly IReadOnlyDictionary<string, NetworkWeights> players;
    private readonly Dictionary<string, Tensor> named = [];
    private readonly float dropoutRate;

    internal PhaseRecorder(
        ComputeProgram program, Phase phase, PhaseBatch batch, IReadOnlyDictionary<string, NetworkWeights> players, NetworkWeights? teacher,
        float dropoutRate, Func<string, Func<long, double>, Tensor> scalar, Action<string, Tensor> tally)
    {
        (Program, Phase, Batch, Teacher) = (program, phase, batch, teacher);
        (this.players, this.dropoutRate, this.scalar, this.tally) = (players, dropoutRate, scalar, tally);
    }

    /// <summary>The program that records forward and backward pass.</summary>
    public ComputeProgram Program { get; }

    /// <summary>The phase that is recorded.</summary>
    public Phase Phase { get; }

    /// <summary>Images, labels, random numbers and sigma_data.</summary>
    public PhaseBatch Batch { get; }

    /// <summary>The player that the phase trains: the program's tape watches its parameters.</summary>
    public NetworkWeights Trained => Player(Phase.Player);

    /// <summary>The diffusion model with fixed weights; null where there is none.</summary>
    public NetworkWeights? Teacher { get; }

    /// <summary>The dropout of the trained player's passes; null for none. Two passes with the same masks take the same.</summary>
    public NetworkDropout? Dropout => dropoutRate > 0 ? new NetworkDropout(Batch.Random.For(RandomPurpose.Dropout), dropoutRate) : null;

    /// <summary>What the phase has recorded by name, for tests and those who look closer.</summary>
    internal IReadOnlyDictionary<string, Tensor> Named => named;

    /// <summary>A player's network and weights.</summary>
    /// <exception cref="ArgumentException">The objective has none of that name.</exception>
    public NetworkWeights Player(string name) => players.TryGetValue(name, out NetworkWeights? player)
        ? player
        : throw new ArgumentException($"the objective has no player '{name}': {string.Join(", ", players.Keys)}");

    /// <summary>A number that changes from step to step, in device memory, (1) fp32: a warm-up, a stage's grid.</summary>
    /// <param name="name">Names the number; the same name gives the same tensor.</param>
    /// <param name="valueAt">Its value at a step counted from 0; a pure function.</param>
    public Tensor Scalar(string name, Func<long, double> valueAt) => scalar(name, valueAt);

    /// <summary>
    /// Logs the mean of a tensor's finite values over the steps between two lines of the log, under a name: a column of metrics.csv.
    /// </summary>
    /// <param name="name">The column's name; of other players than the student it is prefixed with theirs.</param>
    /// <param name="values">Any shape, fp32.</param>
    public void Tally(string name, Tensor values)
    {
        tally(name, values);
        Name(name, values);
    }

    /// <summary>Names an intermediate tensor, for tests and those who look closer; costs nothing.</summary>
    public void Name(string name, Tensor values) => named[name] = values;
}

/// <summary>The batch of a phase, in device memory.</summary>
/// <param name="Images">x_0 (N, H, W, C), in the data's unit.</param>
/// <param name="Labels">Class of each image, Int32 (N), -1 for none; null where the network has no classes.</param>
/// <param name="Random">The phase's random numbers: take a stream of them with <see cref="RandomSource.For"/>.</param>
/// <param name="SigmaData">Standard deviation of the data, in the data's unit.</param>
/// <param name="Share">Weight of a sample in the mean over the whole batch of a step: 1 / batch, whatever part of it is in memory.</param>
public sealed record PhaseBatch(Tensor Images, Tensor? Labels, RandomSource Random, float SigmaData, float Share)
{
    /// <summary>One number for each image, (N).</summary>
    public Shape PerImage => new(Images.Shape.N);
}

/// <summary>A network with the weights it runs under.</summary>
/// <param name="Network">The architecture.</param>
/// <param name="Weights">A slab of its parameters.</param>
public sealed record NetworkWeights(INetwork Network, ParameterSlab Weights)
{
    /// <summary>Records F of x under the conditions; see <see cref="NetworkSlab.F"/>.</summary>
    public Tensor F(ComputeProgram program, Tensor x, NetworkConditions conditions, NetworkDropout? dropout = null) =>
        Network.F(program, Weights, x, conditions, dropout);
}

/// <summary>What the forward pass of a phase ends in: the backward pass starts there.</summary>
/// <param name="Loss">
/// The loss of each sample (N): logged, checked for being finite, and, unless a cotangent is given, differentiated as the mean over the batch.
/// </param>
public sealed record PhasePass(Tensor Loss)
{
    /// <summary>
    /// An output of the trained player and its cotangent, of the same shape, where the gradient is known without a loss: the backward pass starts
    /// there. The cotangent is that of the mean over the whole batch, so that it holds the factor <see cref="PhaseBatch.Share"/>.
    /// </summary>
    public (Tensor Output, Tensor Cotangent)? Given { get; init; }
}

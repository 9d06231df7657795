using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// A training objective: the players of a training step, its phases in order, and the computation of each phase. Each objective is one class
/// with its own <see cref="ObjectiveOptions"/> and one line in <see cref="ObjectiveRegistry"/>.
/// </summary>
/// <remarks>
/// An objective records draws, constants, one forward pass of the trained player, and the loss of each sample or the cotangent of the pass's
/// output. Everything that changes during training (stages, warm-up) is a function of the step's number, so that a resumed run computes the same.
/// </remarks>
public abstract class Objective
{
    /// <summary>Name of the student in every objective, see <see cref="PlayerSpec.OfStudent"/>.</summary>
    public const string Student = "student";

    /// <summary>Kind of the trained model, which decides how to sample from it.</summary>
    public abstract ModelKind Makes { get; }

    /// <summary>Whether the objective needs a teacher: a diffusion model with fixed weights, read from a file.</summary>
    public virtual bool NeedsTeacher => false;

    /// <summary>Whether a second diffusion model may guide the teacher, as autoguidance does.</summary>
    public virtual bool TakesGuide => false;

    /// <summary>Scalar conditions that the student's network needs besides those of its preset or file, such as <see cref="NetworkConfig.Guidance"/>.</summary>
    public virtual IReadOnlyList<string> StudentConditions => [];

    /// <summary>Guidance scales that the student is trained with, if its network takes the scale as an input; null otherwise.</summary>
    public virtual GuidanceRange? StudentGuidance => null;

    /// <summary>Returns the configuration of a preset or file with the scalar conditions that the student's network needs.</summary>
    public NetworkConfig StudentNetwork(NetworkConfig network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network with { Conditions = [.. network.Conditions.Union(StudentConditions)] };
    }

    /// <summary>Players of the training, with different names; the student, which is averaged, first.</summary>
    public virtual IReadOnlyList<PlayerSpec> Players => [PlayerSpec.OfStudent()];

    /// <summary>Phases of a training step, in order; at least one, each of a trained player.</summary>
    public virtual IReadOnlyList<Phase> Phases => [new Phase(Student)];

    /// <summary>Checks that the objective fits the student's network.</summary>
    /// <param name="network">The student's network.</param>
    /// <exception cref="ArgumentException">The network does not fit; the message says why.</exception>
    public virtual void Check(INetwork network)
    {
    }

    /// <summary>Records the forward pass of a phase. It is called once for each phase, while the step's programs are recorded.</summary>
    /// <param name="phase">The phase, with all that its recording needs.</param>
    /// <exception cref="ArgumentException">A network does not fit the batch or the recorded conditions.</exception>
    /// <exception cref="InvalidOperationException">The phase lacks a teacher, or there are more than 64 scalars or tallies.</exception>
    /// <exception cref="KeyNotFoundException">The trained player lacks the parameters of <see cref="AdaptiveWeight"/> that the loss uses.</exception>
    public abstract PhasePass Record(PhaseRecorder phase);

    /// <summary>
    /// Called before each training step, for changes between stages, such as copying weights or resetting an optimizer. It must depend only on the
    /// step's number, since a killed run continues from an earlier step.
    /// </summary>
    /// <param name="step">Number of the training step, from 0.</param>
    /// <param name="players">Operations on the players' weights and optimizers.</param>
    public virtual void BeforeStep(long step, IStagedPlayers players)
    {
    }
}

/// <summary>A part of a training step: the forward and backward passes that end in one player's update.</summary>
/// <param name="Player">Name of the trained player.</param>
/// <param name="Period">Training steps from one run of the phase to the next; positive.</param>
/// <param name="Offset">First training step at which the phase runs, from 0 to below the period.</param>
/// <exception cref="ArgumentException">The period or the offset is out of range.</exception>
public sealed record Phase(string Player, int Period = 1, int Offset = 0)
{
    /// <summary>Training steps from one run of the phase to the next; positive.</summary>
    public int Period { get; } = Period > 0 && Offset >= 0 && Offset < Period
        ? Period
        : throw new ArgumentException($"a phase of {Player} has period {Period} and offset {Offset}, expected 0 <= offset < period");

    /// <summary>Whether the phase runs at a training step.</summary>
    /// <param name="step">Number of the training step, from 0.</param>
    public bool IsDue(long step) => step % Period == Offset;
}

/// <summary>Operations of an objective on its players between two stages of a training. Each waits for the device.</summary>
public interface IStagedPlayers
{
    /// <summary>
    /// Copies the parameters of a player's network, or their average, to another player with the same network. Parameters outside the network, such
    /// as those of an adaptive weight, stay as they are.
    /// </summary>
    /// <param name="from">Name of the player to copy from.</param>
    /// <param name="to">Name of the player to copy to.</param>
    /// <param name="average">Whether to copy the average that is the training's result, which the source must have, instead of the weights.</param>
    /// <exception cref="ArgumentException">The networks of the players have different parameters.</exception>
    /// <exception cref="InvalidOperationException">The source has no average.</exception>
    /// <exception cref="KeyNotFoundException">There is no player of that name.</exception>
    void CopyWeights(string from, string to, bool average);

    /// <summary>Sets a player's moments and step count to zero, as before its first step.</summary>
    /// <param name="player">Name of a trained player.</param>
    /// <exception cref="InvalidOperationException">The player is not trained.</exception>
    /// <exception cref="KeyNotFoundException">There is no player of that name.</exception>
    void ResetOptimizer(string player);
}

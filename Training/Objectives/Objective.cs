using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// What a network is trained for: which parts take part in a step, in which order, and what each phase of the step computes. One class for
/// each, made from its own <see cref="ObjectiveOptions"/>, and one line in <see cref="ObjectiveRegistry"/>.
/// </summary>
/// <remarks>
/// An objective records draws, constants, one forward pass of the player that is trained, and a loss of each sample; or the cotangent of the
/// pass's output itself. Whatever follows the number of the step (stages, warm-up) is a function of it, so that a resumed run computes the same.
/// </remarks>
public abstract class Objective
{
    /// <summary>The name that <see cref="PlayerSpec.OfStudent"/> has in every objective.</summary>
    public const string Student = "student";

    /// <summary>What the trained network is, which decides how to sample from it.</summary>
    public abstract ModelKind Makes { get; }

    /// <summary>Whether a diffusion model with fixed weights takes part, from a file.</summary>
    public virtual bool NeedsTeacher => false;

    /// <summary>Scalar conditions that the student's network must have beside those of its preset or file, such as <see cref="NetworkConfig.Guidance"/>.</summary>
    public virtual IReadOnlyList<string> StudentConditions => [];

    /// <summary>The networks with weights of their own that take part, the student first.</summary>
    public virtual IReadOnlyList<PlayerSpec> Players => [PlayerSpec.OfStudent()];

    /// <summary>The phases of a step, in order.</summary>
    public virtual IReadOnlyList<Phase> Phases => [new Phase(Student)];

    /// <summary>Checks the objective against the networks that it is to train.</summary>
    /// <param name="network">The student's network.</param>
    /// <exception cref="ArgumentException">They do not fit; the message says why.</exception>
    public virtual void Check(INetwork network)
    {
    }

    /// <summary>Records the forward pass of a phase. Called once for each phase, while the step's programs are recorded.</summary>
    /// <param name="phase">Which phase, and what there is to record it with.</param>
    public abstract PhasePass Record(PhaseRecorder phase);

    /// <summary>
    /// Called before each step, for what happens between the stages of a training: copying weights, starting an optimizer anew. It must depend on the
    /// step's number alone, since a run that was killed is continued from an earlier step.
    /// </summary>
    /// <param name="step">The step's number, from 0.</param>
    /// <param name="players">The players' weights and optimizers.</param>
    public virtual void BeforeStep(long step, IStagedPlayers players)
    {
    }
}

/// <summary>A part of a training step: the forward and backward pass of one player, then its update.</summary>
/// <param name="Player">Name of the player that is trained.</param>
/// <param name="Period">The phase runs at every such step; positive.</param>
/// <param name="Offset">The first step at which it runs, from 0 to below the period.</param>
public sealed record Phase(string Player, int Period = 1, int Offset = 0)
{
    /// <summary>Whether the phase runs at a step.</summary>
    public bool IsDue(long step) => step % Period == Offset;
}

/// <summary>What an objective may do to its players between two stages of a training; each waits for the device.</summary>
public interface IStagedPlayers
{
    /// <summary>Copies the weights of one player, or their average, over those of another of the same network.</summary>
    /// <param name="from">Name of a player.</param>
    /// <param name="to">Name of a player.</param>
    /// <param name="average">Whether the source's average is copied, not its weights.</param>
    void CopyWeights(string from, string to, bool average);

    /// <summary>Makes a player's moments and step count zero, as before its first step.</summary>
    /// <param name="player">Name of a trained player.</param>
    void ResetOptimizer(string player);
}

using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Optimization;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// A network with weights of its own that takes part in a training step: the student, a fake score trained beside it, a discriminator, or a
/// frozen copy of an earlier student. A trained one has gradients, moments and counters too; all of it is part of a run's state.
/// </summary>
/// <param name="Name">Names the player, in state files too, where all but the student's tensors begin with it.</param>
public sealed record PlayerSpec(string Name)
{
    /// <summary>The player's network; null for the student's.</summary>
    public INetwork? Network { get; init; }

    /// <summary>Whether some phase trains it; otherwise its weights change between stages alone.</summary>
    public bool IsTrained { get; init; } = true;

    /// <summary>Whether averages of its weights are kept, as the training's options say.</summary>
    public bool IsAveraged { get; init; }

    /// <summary>Where its weights start.</summary>
    public PlayerStart Start { get; init; } = PlayerStart.Student;

    /// <summary>Trained parameters that are no part of the network, such as those of a weighting; they start at zero.</summary>
    public IReadOnlyList<(string Name, Shape Shape)> FurtherParameters { get; init; } = [];

    /// <summary>Its optimizer; null for the training's.</summary>
    public OptimizerOptions? Optimizer { get; init; }

    /// <summary>The student: trained, averaged, with the parameters of <see cref="AdaptiveWeight"/>.</summary>
    public static PlayerSpec OfStudent() => new(Objective.Student) { IsAveraged = true, FurtherParameters = AdaptiveWeight.Layout };
}

/// <summary>Where a player's weights start.</summary>
public enum PlayerStart
{
    /// <summary>As the student's: fresh, or from the file that the run starts from.</summary>
    Student,

    /// <summary>From the teacher's weights.</summary>
    Teacher,

    /// <summary>From the network's initial values.</summary>
    Fresh,
}

using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Optimization;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// Description of a player: a network with weights of its own in a training step, such as the student, a fake score, a discriminator, or a frozen
/// copy of an earlier student. A trained player also has gradients, moments and counters. All but the gradients is part of a run's state.
/// </summary>
/// <param name="Name">Name of the player. In state files it is put before the names of its tensors, except for the student.</param>
public sealed record PlayerSpec(string Name)
{
    /// <summary>Network of the player; null for the student's network.</summary>
    public INetwork? Network { get; init; }

    /// <summary>Whether a phase trains the player; otherwise its weights change only between stages.</summary>
    public bool IsTrained { get; init; } = true;

    /// <summary>Whether averages of its weights are kept; the training's options say which.</summary>
    public bool IsAveraged { get; init; }

    /// <summary>Initial values of its weights.</summary>
    public PlayerStart Start { get; init; } = PlayerStart.Student;

    /// <summary>Trained parameters outside the network, such as those of an adaptive weight; they start at zero.</summary>
    public IReadOnlyList<(string Name, Shape Shape)> FurtherParameters { get; init; } = [];

    /// <summary>Settings of its optimizer; null for those of the training.</summary>
    public OptimizerOptions? Optimizer { get; init; }

    /// <summary>Creates the student: trained, averaged, with the parameters of <see cref="AdaptiveWeight"/>.</summary>
    public static PlayerSpec OfStudent() => new(Objective.Student) { IsAveraged = true, FurtherParameters = AdaptiveWeight.Layout };

    /// <summary>Returns the player for a network: without the parameters of <see cref="AdaptiveWeight"/> if the network has a logvar(t) of its own.</summary>
    internal PlayerSpec For(INetwork network) => network.HasLogvar ? this with { FurtherParameters = [.. FurtherParameters.Except(AdaptiveWeight.Layout)] } : this;
}

/// <summary>Initial values of a player's weights.</summary>
public enum PlayerStart
{
    /// <summary>The student's initial weights: fresh, or those of the file that the run starts from.</summary>
    Student,

    /// <summary>The teacher's weights; only in an objective that needs one.</summary>
    Teacher,

    /// <summary>Fresh weights: the network's own initial values.</summary>
    Fresh,
}

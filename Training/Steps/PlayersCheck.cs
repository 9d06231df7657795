using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>Checks that an objective's players and phases fit together.</summary>
internal static class PlayersCheck
{
    /// <exception cref="ArgumentException">They do not fit; the message is one sentence that says why.</exception>
    public static void Require(Objective objective, string name)
    {
        IReadOnlyList<PlayerSpec> players = objective.Players;
        if (players.Count == 0 || players[0].Name != Objective.Student)
            throw new ArgumentException($"the first player of the objective {name} is not '{Objective.Student}'");
        if (!players[0].IsAveraged)
            throw new ArgumentException($"the student of the objective {name} is not averaged, but its average is the trained model");
        if (players.CountBy(player => player.Name).FirstOrDefault(each => each.Value > 1).Key is { } twice)
            throw new ArgumentException($"the objective {name} has two players '{twice}'");
        if (!objective.NeedsTeacher && players.FirstOrDefault(player => player.Start == PlayerStart.Teacher) is { } taught)
            throw new ArgumentException($"the player '{taught.Name}' starts from the teacher, but the objective {name} needs none");
        if (objective.Phases.Count == 0)
            throw new ArgumentException($"the objective {name} has no phases");
        foreach (string trained in objective.Phases.Select(phase => phase.Player))
        {
            PlayerSpec player = players.FirstOrDefault(player => player.Name == trained)
                ?? throw new ArgumentException($"a phase of the objective {name} trains '{trained}', which is none of its players");
            if (!player.IsTrained)
                throw new ArgumentException($"a phase of the objective {name} trains the player '{trained}', which is not to be trained");
        }
    }
}

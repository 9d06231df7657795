using System.Text.Json.Serialization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Tests.Training;

/// <summary>An objective that a test describes; unless it says otherwise, the student regresses the images.</summary>
internal sealed class Described : Objective
{
    public IReadOnlyList<PlayerSpec> OfPlayers { get; init; } = [PlayerSpec.OfStudent()];

    public IReadOnlyList<Phase> OfPhases { get; init; } = [new Phase(Student)];

    /// <summary>Called before each phase is recorded.</summary>
    public Action<PhaseRecorder>? Recording { get; init; }

    /// <summary>Called before each training step.</summary>
    public Action<long, IStagedPlayers>? Before { get; init; }

    public override ModelKind Makes => ModelKind.Diffusion;

    public override IReadOnlyList<PlayerSpec> Players => OfPlayers;

    public override IReadOnlyList<Phase> Phases => OfPhases;

    /// <summary>Options that create this objective.</summary>
    public ObjectiveOptions Options => new Given(this) { Name = "described" };

    public override void BeforeStep(long step, IStagedPlayers players) => Before?.Invoke(step, players);

    public override PhasePass Record(PhaseRecorder phase)
    {
        Recording?.Invoke(phase);
        (ComputeProgram program, PhaseBatch batch) = (phase.Program, phase.Batch);
        Tensor t = new FixedTime(1).Draw(program, batch);
        Tensor f = phase.Trained.F(program, program.Constant(batch.Images.Shape, 1), new NetworkConditions(t));
        return Regression.On(phase, f, batch.Images, t, new TrigFlowOptions());
    }

    private sealed record Given(Objective Objective) : ObjectiveOptions
    {
        [JsonIgnore]
        public Objective Objective { get; } = Objective;

        public override void Validate()
        {
        }

        public override Objective Create() => Objective;
    }
}

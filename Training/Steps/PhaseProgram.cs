using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>
/// A phase as two programs, each recorded once: the forward and backward pass of a micro-batch, which adds to the player's gradients, and the
/// player's update.
/// </summary>
internal sealed class PhaseProgram : IDisposable
{
    private readonly Phase phase;
    private readonly ComputeProgram forwardBackward, update;

    /// <summary>Records both programs.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="player">The player that the phase trains.</param>
    /// <param name="record">Records the forward pass into a program.</param>
    /// <param name="share">Weight of a sample in the mean over the batch: 1 / batch.</param>
    /// <param name="scalars">Scalars that depend on the step.</param>
    /// <param name="tallies">The tallies of the training.</param>
    /// <param name="recompute">Whether the backward pass computes cheap activations again, see <see cref="Tape.Recomputes"/>.</param>
    public PhaseProgram(
        Phase phase, Player player, Func<ComputeProgram, PhasePass> record, float share, StepScalars scalars, Tallies tallies, bool recompute)
    {
        this.phase = phase;
        var tape = new Tape { Recomputes = recompute };
        forwardBackward = new ComputeProgram(player.Weights.Device) { Tape = tape };
        update = new ComputeProgram(player.Weights.Device);
        try
        {
            player.Weights.WatchOn(tape);
            PhasePass pass = record(forwardBackward);
            player.TallyLoss(forwardBackward, pass.Loss);
            Tally.Into(forwardBackward, pass.Loss, tallies.Of(player.Prefixed(TallyNames.Loss)));
            (Tensor output, Tensor cotangent) = pass.Given ?? (pass.Loss, forwardBackward.Constant(pass.Loss.Shape, share));
            tape.Seed(output, cotangent);
            tape.Backward();
            forwardBackward.Compile();
            player.RecordUpdate(update, scalars, tallies);
            update.Compile();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether the phase runs at a training step.</summary>
    public bool IsDue(long step) => phase.IsDue(step);

    /// <summary>The steps of both programs, in order.</summary>
    public IEnumerable<ProgramStep> Steps => [.. forwardBackward.Steps, .. update.Steps];

    /// <summary>Adds the gradients of a micro-batch to the player's.</summary>
    public void Accumulate() => forwardBackward.Run();

    /// <summary>Updates the player.</summary>
    public void Update() => update.Run();

    /// <inheritdoc cref="TrainingStep.Time"/>
    public IEnumerable<StepTime> Time(int repetitions) => [.. forwardBackward.Time(repetitions), .. update.Time(repetitions)];

    public void Dispose()
    {
        forwardBackward.Dispose();
        update.Dispose();
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>
/// An objective's loss on images that are not trained on: the forward pass alone of the student's first phase, recorded once, with its averaged weights.
/// It reads weights and writes nothing that a training step reads, so that a training with it has the same bits.
/// </summary>
/// <remarks>
/// It is the loss of a training step, with its adaptive weight, but without dropout in the network and on averaged weights. Times, noise, hidden labels and guidance
/// scales are drawn from the seed and the image's number alone, by a generator that no phase of the training has, so that they are the same each time. The consistency
/// loss includes the tangent, whose warm-up has its value at the step that is asked for. Players other than the student have their current weights.
/// Besides the weights it takes the memory of a forward pass of a micro-batch. Not thread-safe.
/// </remarks>
internal sealed class HeldOutLoss : IDisposable
{
    /// <summary>No phase of a training has this index, which gives random numbers of their own.</summary>
    private const int IndexOfDraws = -1;

    private readonly ComputeProgram program;
    private readonly StepScalars scalars;
    private readonly StepBatch batch;
    private readonly Tensor losses;
    private readonly float[] fetched;

    /// <summary>Records the forward pass.</summary>
    /// <param name="device">Device of the training.</param>
    /// <param name="options">All settings of the training.</param>
    /// <param name="network">Configuration of the student's network.</param>
    /// <param name="sigmaData">Standard deviation of the data.</param>
    /// <param name="players">Networks and weights by the players' names.</param>
    /// <param name="teacher">The teacher; null if there is none.</param>
    /// <param name="guide">The teacher's guide; null if there is none.</param>
    /// <exception cref="ArgumentException">No phase trains the student.</exception>
    /// <exception cref="MemoryLimitException">The device has not the memory of the pass.</exception>
    public HeldOutLoss(
        ComputeDevice device, TrainingOptions options, NetworkConfig network, float sigmaData, IReadOnlyDictionary<string, NetworkWeights> players, NetworkWeights? teacher,
        NetworkWeights? guide)
    {
        Objective objective = options.Objective.Create();
        Phase phase = objective.Phases.FirstOrDefault(each => each.Player == Objective.Student)
            ?? throw new ArgumentException("no phase of the objective trains the student, so that there is no loss of it to measure");
        fetched = new float[options.MicroBatchSize];
        scalars = new StepScalars(device);
        batch = new StepBatch(device, network, options);
        losses = device.CreateTensor(new Shape(fetched.Length));
        program = new ComputeProgram(device);
        try
        {
            PhasePass pass = objective.Record(new PhaseRecorder(
                program, phase, batch.OfPhase(IndexOfDraws, sigmaData), players, teacher, dropoutRate: 0, dropoutResolution: null, scalars.OfObjective, tally: (_, _) => { })
            { Guide = guide });
            Copy.Into(program, pass.Loss, losses);
            program.Compile();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Images in a pass.</summary>
    public int MicroBatch => fetched.Length;

    /// <summary>Computes the loss of each image of a pass; waits for the device. The compute weights must be up to date, see <see cref="TrainingStep.Refresh"/>.</summary>
    /// <param name="images">Images (<see cref="MicroBatch"/>, H, W, C) in the data's unit.</param>
    /// <param name="labels">Their classes; empty if the network has no classes.</param>
    /// <param name="first">Number of the first image, which decides the draws.</param>
    /// <param name="step">Training step whose warm-ups are taken, from 0.</param>
    /// <returns>The losses, valid until the next call.</returns>
    /// <exception cref="ArgumentException">The number of pixels or labels is another one.</exception>
    public ReadOnlySpan<float> Measure(ReadOnlySpan<float> images, ReadOnlySpan<int> labels, int first, long step)
    {
        scalars.Upload(step);
        batch.UploadPass(images, labels, first);
        program.Run();
        losses.Download(fetched.AsSpan());
        return fetched;
    }

    public void Dispose()
    {
        program.Dispose();
        losses.Dispose();
        batch.Dispose();
        scalars.Dispose();
    }
}

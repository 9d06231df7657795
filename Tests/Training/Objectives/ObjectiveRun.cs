using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Tests.Training;

/// <summary>One forward and backward pass of an objective on the host, with everything in between kept.</summary>
internal sealed class ObjectiveRun
{
    public ObjectiveRun(
        TrainedNetwork network, ParameterSlab weights, float[] images, int[]? labels, ObjectiveOptions options, float sigmaData,
        Teacher? teacher = null, float r = 1)
    {
        ComputeDevice cpu = weights.Device;
        int pixels = (int)network.Image.Count, samples = images.Length / pixels;
        var shape = new Shape(samples, network.Image.H, network.Image.W, network.Image.C);
        Tensor counter = cpu.CreateTensor(new Shape(2), DType.Int32), labelTensor = cpu.CreateTensor(new Shape(samples), DType.Int32);
        counter.Upload<int>([7, 0]);
        if (labels is not null)
            labelTensor.Upload<int>(labels);
        using var program = new ComputeProgram(cpu) { Tape = new Tape(), Checked = true };
        weights.WatchOn(program.Tape);
        var inputs = new ObjectiveInputs(
            network, weights, cpu.CreateTensor(shape, images), labels is null ? null : labelTensor, new RandomSource(99, RandomPurpose.None, counter), sigmaData, options);
        ObjectivePass pass = options.Objective == Objective.TrigFlow
            ? DiffusionObjective.Record(program, inputs)
            : ConsistencyObjective.Record(program, inputs, teacher, cpu.CreateTensor(new Shape(1), [r]));
        program.Tape.Seed(pass.Loss, cpu.CreateTensor(pass.Loss.Shape, [.. Enumerable.Repeat(1f / samples, samples)]));
        program.Tape.Backward();
        Tensor[] kept = [.. new[] { pass.Loss, pass.Error, pass.F, pass.Target, pass.Batch.T, pass.Batch.Noise, pass.DxDt, pass.TangentNorm }
            .Select(x => x is null ? cpu.CreateTensor(new Shape(1)) : Keep(program, x))];
        weights.Gradients!.Upload<float>(new float[weights.Gradients.Count]);
        program.Run();
        float[][] values = [.. kept.Select(x => x.ToArray())];
        (Loss, Error, Target, T, Noise, DxDt, TangentNorm) = (values[0], values[1], values[3], values[4], values[5], values[6], values[7]);
        F = values[2][..images.Length];
        J = values[2][images.Length..];
        Weights = weights;
    }

    public float[] Loss { get; }

    public float[] Error { get; }

    public float[] F { get; }

    /// <summary>Empty in diffusion training.</summary>
    public float[] J { get; }

    public float[] Target { get; }

    public float[] T { get; }

    public float[] Noise { get; }

    public float[] DxDt { get; }

    public float[] TangentNorm { get; }

    private ParameterSlab Weights { get; }

    public float Gradient(string name) => Weights[name].Gradient!.ToArray()[0];

    private static Tensor Keep(ComputeProgram program, Tensor x)
    {
        Tensor kept = program.Device.CreateTensor(new Shape((int)x.StoredCount));
        Copy.Into(program, x, kept);
        return kept;
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Tests.Training;

/// <summary>One forward and backward pass of an objective's first phase on the host, with everything in between kept.</summary>
internal sealed class ObjectiveRun
{
    private readonly Dictionary<string, float[]> named = [];
    private readonly ParameterSlab weights;
    private readonly int count;

    /// <param name="network">The student's network.</param>
    /// <param name="weights">Its weights, with gradients.</param>
    /// <param name="images">Images, one behind another.</param>
    /// <param name="labels">Their classes, or null.</param>
    /// <param name="options">The objective.</param>
    /// <param name="sigmaData">Standard deviation of the data.</param>
    /// <param name="teacher">The teacher, or null.</param>
    /// <param name="scalar">Value of every scalar that depends on the step.</param>
    public ObjectiveRun(
        INetwork network, ParameterSlab weights, float[] images, int[]? labels, ObjectiveOptions options, float sigmaData, NetworkWeights? teacher = null,
        float scalar = 1)
    {
        this.weights = weights;
        count = images.Length;
        ComputeDevice cpu = weights.Device;
        Shape image = network.Config.Image;
        int samples = images.Length / (int)image.Count;
        Tensor counter = cpu.CreateTensor(new Shape(2), DType.Int32), labelTensor = cpu.CreateTensor(new Shape(samples), DType.Int32);
        counter.Upload<int>([7, 0]);
        if (labels is not null)
            labelTensor.Upload<int>(labels);
        using var program = new ComputeProgram(cpu) { Tape = new Tape(), Checked = true };
        weights.WatchOn(program.Tape);
        var batch = new PhaseBatch(
            cpu.CreateTensor(new Shape(samples, image.H, image.W, image.C), images), labels is null ? null : labelTensor,
            new RandomSource(99, RandomPurpose.None, counter), sigmaData, Share: 1f / samples);
        Objective objective = options.Create();
        var phase = new PhaseRecorder(
            program, objective.Phases[0], batch, new Dictionary<string, NetworkWeights> { [Objective.Student] = new(network, weights) }, teacher, dropoutRate: 0, dropoutResolution: null,
            (_, _) => cpu.CreateTensor(new Shape(1), [scalar]), (_, _) => { });
        PhasePass pass = objective.Record(phase);
        phase.Name("loss", pass.Loss);
        (Tensor output, Tensor cotangent) = pass.Given ?? (pass.Loss, program.Constant(pass.Loss.Shape, batch.Share));
        program.Tape.Seed(output, cotangent);
        program.Tape.Backward();
        var kept = phase.Named.ToDictionary(each => each.Key, each => Keep(program, each.Value));
        weights.Gradients!.Upload<float>(new float[weights.Gradients.Count]);
        program.Run();
        foreach ((string name, Tensor tensor) in kept)
            named[name] = tensor.ToArray();
    }

    public float[] Loss => named["loss"];

    public float[] Error => named["error"];

    public float[] F => named["f"][..count];

    /// <summary>Empty where F carries no tangent.</summary>
    public float[] J => named["f"][count..];

    public float[] Target => named["target"];

    public float[] T => named["t"];

    public float[] Noise => named["noise"];

    public float[] DxDt => named["dxdt"];

    public float[] TangentNorm => named["tangent_norm"];

    public float[] Guidance => named["guidance"];

    public float Gradient(string name) => weights[name].Gradient!.ToArray()[0];

    private static Tensor Keep(ComputeProgram program, Tensor x)
    {
        Tensor kept = program.Device.CreateTensor(new Shape((int)x.StoredCount));
        Copy.Into(program, x, kept);
        return kept;
    }
}

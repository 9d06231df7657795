using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>What the samplers record their programs with: tensors, the network under its conditions, and noise.</summary>
public abstract partial class ImageSampler
{
    /// <summary>Creates a tensor of the shape of a batch of images, released with the sampler.</summary>
    private protected Tensor CreateState() => Keep(Device.CreateTensor(ImageShape));

    /// <summary>Creates a tensor (rows, batch), released with the sampler.</summary>
    private protected Tensor CreateRows(int rows) => Keep(Device.CreateTensor(new Shape(rows, Batch)));

    /// <summary>Row i of a tensor of <see cref="CreateRows"/>, as (batch).</summary>
    private protected Tensor Row(Tensor rows, int i) => rows.Slice((long)i * Batch, new Shape(Batch));

    /// <summary>Values for a tensor of <see cref="CreateRows"/>: each fills a row.</summary>
    private protected float[] Repeated(params ReadOnlySpan<double> values)
    {
        float[] rows = new float[values.Length * Batch];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = (float)values[i / Batch];
        return rows;
    }

    /// <summary>Records and compiles a program, released with the sampler.</summary>
    private protected ComputeProgram Record(Action<ComputeProgram> emit)
    {
        ComputeProgram program = Keep(new ComputeProgram(Device));
        emit(program);
        program.Compile();
        return program;
    }

    /// <summary>Records the layers that depend on the conditions alone, for all evaluations of a program at once.</summary>
    /// <param name="program">The program.</param>
    /// <param name="times">Times (evaluations, batch) in radians.</param>
    /// <param name="labels">Classes, Int32 (evaluations, batch), or null.</param>
    /// <param name="scalars">Further conditions by name, each (evaluations, batch).</param>
    /// <param name="other">Model whose network is recorded in place of the sampler's, on the same device; null for the sampler's.</param>
    /// <returns>A function that records F of u (batch, H, W, C) under the conditions of evaluation i.</returns>
    private protected Func<Tensor, int, Tensor> RecordNetwork(
        ComputeProgram program, Tensor times, Tensor? labels, IReadOnlyDictionary<string, Tensor>? scalars = null, TrigFlowModel? other = null)
    {
        TrigFlowModel recorded = other ?? model;
        var conditions = new NetworkConditions(Flat(times), labels is null ? null : Flat(labels))
        {
            Scalars = (scalars ?? new Dictionary<string, Tensor>()).ToDictionary(scalar => scalar.Key, scalar => Flat(scalar.Value)),
        };
        IReadOnlyList<Tensor> all = recorded.Network.Condition(program, recorded.Weights, conditions);
        return (u, i) => recorded.Network.Forward(program, recorded.Weights, u, [.. all.Select(each => RowsOf(each, i))]);

        static Tensor Flat(Tensor rows) => rows.Reshape(rows.Count);
    }

    /// <summary>The rows of evaluation i.</summary>
    private Tensor RowsOf(Tensor rows, int i)
    {
        int[] extents = rows.Shape.ToArray();
        long width = rows.Count / extents[0];
        extents[0] = Batch;
        return rows.Slice(i * Batch * width, new Shape(extents));
    }

    /// <summary>Records a step that fills a tensor with a draw of standard normal noise; each run takes its seed from the uploaded counters.</summary>
    private protected void RecordNoise(ComputeProgram program, int draw, Tensor target)
    {
        Tensor counter = counters.Slice((long)draw * CounterLength, new Shape(CounterLength));
        RandomNormal.Into(program, target, new RandomSource(0, RandomPurpose.SamplingNoise, counter), 1);
    }

    /// <summary>Keeps a resource until the sampler is disposed.</summary>
    private protected T Keep<T>(T resource)
        where T : IDisposable
    {
        resources.Add(resource);
        return resource;
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Tests.Training;

/// <summary>
/// F = A SiLU(B x + C embedding(t) + D[label]) for images of one pixel: of real ops, so that it runs on every device, and small
/// enough for the simulator.
/// </summary>
internal static class TinyNetwork
{
    private const int Hidden = 6, Embedding = 4;

    public static TrainedNetwork Of(int channels, int labelCount) => new(
        [
            ("a", new Shape(channels, Hidden)), ("b", new Shape(Hidden, channels)), ("c", new Shape(Hidden, Embedding)),
            ("d", new Shape(Hidden, labelCount)),
        ],
        Record, new Shape(1, 1, 1, channels), labelCount);

    public static ParameterSlab Weights(TrainedNetwork network, ComputeDevice device, int seed)
    {
        var slab = new ParameterSlab(device, network.Layout, withGradients: false);
        Fill(slab, seed);
        return slab;
    }

    public static void Fill(ParameterSlab slab, int seed)
    {
        var random = new Random(seed);
        foreach (string name in new[] { "a", "b", "c", "d" })
            slab[name].Value.Upload<float>([.. Enumerable.Range(0, slab[name].Value.Count).Select(_ => (float)random.NextDouble() - 0.5f)]);
    }

    private static Tensor Record(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels, RandomSource? dropout)
    {
        int n = x.Shape.N;
        Tensor h = Linear.Apply(program, x.Reshape(n, x.Shape.C), weights["b"].Value, null);
        h = Residual.Apply(program, h, Linear.Apply(program, TimeEmbedding.Apply(program, t, Embedding), weights["c"].Value, null), 1);
        h = Residual.Apply(program, h, LabelEmbedding.Apply(program, labels!, weights["d"].Value, null), 1);
        return Linear.Apply(program, Silu.Apply(program, h), weights["a"].Value, null).Reshape(n, 1, 1, x.Shape.C);
    }
}

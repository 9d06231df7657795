using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Models;

namespace TrigFlowNative.Tests.Training;

/// <summary>
/// F = A SiLU(B x + C embedding(t) + D[label]) for images of one pixel: of real ops, so that it runs on every device, and small
/// enough for the simulator.
/// </summary>
internal sealed class TinyNetwork(int channels, int labelCount) : TestNetwork(
    new Shape(1, 1, 1, channels), labelCount, new ParameterSpec("a", new Shape(channels, Hidden)), new ParameterSpec("b", new Shape(Hidden, channels)),
    new ParameterSpec("c", new Shape(Hidden, Embedding)), new ParameterSpec("d", new Shape(Hidden, labelCount)))
{
    private const int Hidden = 6, Embedding = 4;

    public static void Fill(ParameterSlab slab, int seed)
    {
        var random = new Random(seed);
        foreach (string name in new[] { "a", "b", "c", "d" })
            slab[name].Value.Upload<float>([.. Enumerable.Range(0, slab[name].Value.Count).Select(_ => (float)random.NextDouble() - 0.5f)]);
    }

    protected override Tensor Record(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels)
    {
        int n = x.Shape.N;
        Tensor h = Linear.Apply(program, x.Reshape(n, x.Shape.C), weights["b"].Value, null);
        h = ScaledAdd.Apply(program, h, Linear.Apply(program, TimeEmbedding.Apply(program, t, Embedding), weights["c"].Value, null), 1);
        h = ScaledAdd.Apply(program, h, LabelEmbedding.Apply(program, labels!, weights["d"].Value, null), 1);
        return Linear.Apply(program, Silu.Apply(program, h), weights["a"].Value, null).Reshape(n, 1, 1, x.Shape.C);
    }
}

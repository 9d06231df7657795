using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Tests.Models;

/// <summary>The network that the tests of both samplers share.</summary>
internal static class SamplerNetwork
{
    /// <summary>A small U-Net without classes.</summary>
    public static readonly DdpmppConfig Plain = new()
    {
        Resolution = 4,
        ImageChannels = 2,
        ModelChannels = 8,
        ChannelMult = [1, 1],
        BlocksPerLevel = 1,
        AttentionResolutions = [2],
    };

    /// <summary>A model of random weights, none of them near zero.</summary>
    public static TrigFlowModel Model(ComputeDevice device, int labelCount = 0, ModelKind kind = ModelKind.Consistency)
    {
        var network = new DdpmppNetwork(Plain with { LabelCount = labelCount });
        ParameterSlab weights = network.CreateSlab(device);
        var random = new Random(4);
        foreach (Parameter parameter in weights.Parameters)
            parameter.Value.Upload<float>([.. Enumerable.Range(0, parameter.Value.Count).Select(_ => (float)(random.NextDouble() - 0.5))]);
        return new TrigFlowModel(network, weights, 0.5f, kind);
    }

    /// <summary>The noise that a sampler starts from: with F = 0 and one time t it returns sigma_data cos(t) z.</summary>
    public static float[] Noise(ComputeDevice device, int count, ulong seed)
    {
        using var sampler = new ConsistencySampler(GaussianData.Network(device, (_, _) => 0, sigmaData: 1, ModelKind.Consistency), [1.0], batch: count);
        return Array.ConvertAll(sampler.Sample(count, seed), pixel => (float)(pixel / Math.Cos(1.0)));
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>What a sampler needs of a model: tests put functions known in closed form in the network's place.</summary>
/// <param name="Device">Where it runs.</param>
/// <param name="Record">Records F of u (N, H, W, C), t (N) and classes Int32 (N) or null; returns (N, H, W, C).</param>
/// <param name="Image">Extents of an image, (H, W, C) behind a first extent of 1.</param>
/// <param name="SigmaData">Standard deviation of the data.</param>
/// <param name="LabelCount">Number of classes, 0 for none.</param>
internal sealed record SampledNetwork(
    ComputeDevice Device, Func<ComputeProgram, Tensor, Tensor, Tensor?, Tensor> Record, Shape Image, float SigmaData, int LabelCount)
{
    public static SampledNetwork Of(TrigFlowModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        UNetConfig config = model.Network.Config;
        return new SampledNetwork(
            model.Weights.Device,
            (program, u, t, labels) => model.Network.Forward(program, model.Weights, u, t, labels),
            new Shape(1, config.Resolution, config.Resolution, config.ImageChannels),
            model.SigmaData,
            config.LabelCount);
    }
}

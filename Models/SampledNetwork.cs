using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>What a sampler needs of a model: tests put functions known in closed form in the network's place.</summary>
/// <param name="Device">Where it runs.</param>
/// <param name="Record">
/// Records what depends on times (S, N) and classes Int32 (S, N), or null, alone, for all S evaluations of a program at once; returns what
/// records F of u (N, H, W, C) at the times of evaluation i, as (N, H, W, C).
/// </param>
/// <param name="Image">Extents of an image, (H, W, C) behind a first extent of 1.</param>
/// <param name="SigmaData">Standard deviation of the data.</param>
/// <param name="LabelCount">Number of classes, 0 for none.</param>
internal sealed record SampledNetwork(
    ComputeDevice Device, Func<ComputeProgram, Tensor, Tensor?, Func<Tensor, int, Tensor>> Record, Shape Image, float SigmaData, int LabelCount)
{
    public static SampledNetwork Of(TrigFlowModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        UNetConfig config = model.Network.Config;
        return new SampledNetwork(
            model.Weights.Device,
            (program, times, labels) => RecordOf(model, program, times, labels),
            new Shape(1, config.Resolution, config.Resolution, config.ImageChannels),
            model.SigmaData,
            config.LabelCount);
    }

    private static Func<Tensor, int, Tensor> RecordOf(TrigFlowModel model, ComputeProgram program, Tensor times, Tensor? labels)
    {
        int batch = times.Shape.C;
        Tensor[] all = model.Network.Modulations(program, model.Weights, times.Reshape(times.Count), labels?.Reshape(times.Count));
        return (u, i) => model.Network.ForwardModulated(
            program, model.Weights, u, [.. all.Select(each => each.Slice((long)i * batch * each.Shape.C, new Shape(batch, each.Shape.C)))]);
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>What an objective needs of a network: tests put functions known in closed form in its place.</summary>
/// <param name="Layout">Names and shapes of the parameters.</param>
/// <param name="Forward">
/// Records F of x (N, H, W, C), t (N), classes Int32 (N) or null and the dropout's source or null, under weights whose slab has at
/// least the layout; dual if x and t are.
/// </param>
/// <param name="Image">Extents of an image, (H, W, C) behind a first extent of 1.</param>
/// <param name="LabelCount">Number of classes, 0 for none.</param>
/// <param name="Storage">Storage type of activations; with bf16 the weights need a rounded copy.</param>
internal sealed record TrainedNetwork(
    IReadOnlyList<(string Name, Shape Shape)> Layout,
    Func<ComputeProgram, ParameterSlab, Tensor, Tensor, Tensor?, RandomSource?, Tensor> Forward,
    Shape Image,
    int LabelCount,
    DType Storage = DType.Float32)
{
    /// <summary>Parameters that lie together in a slab of the network.</summary>
    public IReadOnlyList<JoinedParameters> Joined { get; init; } = [];

    public static TrainedNetwork Of(UNet network, DType storage = DType.Float32) => new(
        [.. network.Layout],
        (program, weights, x, t, labels, dropout) => network.Forward(program, weights, x, t, labels, dropout),
        new Shape(1, network.Config.Resolution, network.Config.Resolution, network.Config.ImageChannels),
        network.Config.LabelCount,
        storage)
    {
        Joined = network.Joined,
    };
}

/// <summary>A network with fixed weights whose ODE a consistency model follows.</summary>
internal sealed record Teacher(TrainedNetwork Network, ParameterSlab Weights);

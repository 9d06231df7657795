using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>A model of a preset's network with random weights, on which the time of a pass does not depend.</summary>
internal static class RandomModel
{
    /// <summary>Standard deviation of the data for which all models here are made.</summary>
    public const float SigmaData = 0.5f;

    private const ulong Seed = 2;

    /// <summary>Allocates the model of a preset.</summary>
    /// <exception cref="UsageException">There is no such preset, or the device has no kernels for the precision.</exception>
    public static TrigFlowModel Create(ComputeDevice device, string preset, Precision precision, ModelKind kind = ModelKind.Consistency)
    {
        try
        {
            return Create(device, PresetNetwork.Of(preset), precision, kind);
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Allocates the model of a network.</summary>
    /// <exception cref="ArgumentException">The configuration is out of range, or the device has no kernels for the precision.</exception>
    public static TrigFlowModel Create(ComputeDevice device, NetworkConfig config, Precision precision, ModelKind kind)
    {
        INetwork network = config.Build();
        ParameterSlab weights = network.CreateSlab(device, activations: precision.ActivationsOn(device));
        try
        {
            Initialise(network, weights, Seed);
            return new TrigFlowModel(network, weights, SigmaData, kind);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Fills a slab as at the start of a training, but for gains of 1. A network of EDM2 starts with one of 0, so that F and nearly all gradients are 0 too, and a card
    /// takes less power for zeros than for numbers.
    /// </summary>
    public static void Initialise(INetwork network, ParameterSlab weights, ulong seed)
    {
        network.Initialise(weights, seed);
        foreach (ParameterSpec parameter in network.Parameters.Where(parameter => parameter.FileShape.Length == 0))
            weights[parameter.Name].Value.Upload<float>([1]);
        network.RefreshComputeWeights(weights);
    }
}

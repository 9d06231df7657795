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
            network.Initialise(weights, Seed);
            return new TrigFlowModel(network, weights, SigmaData, kind);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }
}

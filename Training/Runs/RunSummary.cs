using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;

namespace TrigFlowNative.Training.Runs;

/// <summary>The line at the start of a run: what is trained on what, how long, and where.</summary>
internal static class RunSummary
{
    /// <summary>Formats the line.</summary>
    /// <param name="config">Configuration of the run.</param>
    /// <param name="data">Its images.</param>
    /// <param name="network">The student's network.</param>
    /// <param name="device">Its device, on which the step has been recorded.</param>
    /// <param name="done">Training steps done.</param>
    public static string Of(RunConfig config, DatasetSplit data, INetwork network, ComputeDevice device, long done) => string.Create(CultureInfo.InvariantCulture,
        $"{config.Training.Objective.Name} on {config.Data}: {data.Description.ToLine()}; network {network.Config.Architecture} of {network.ParameterCount():N0} parameters, {ClassesOf(network, data.Train.LabelCount)}; steps {done:N0} to {config.Steps:N0} of {config.Training.Batch:N0} images; {device.Name} in {config.Training.Precision.ToString().ToLowerInvariant()}, {device.AllocatedBytes >> 20:N0} MiB");

    private static string ClassesOf(INetwork network, int found) => network.Config.LabelCount switch
    {
        0 when found > 0 => string.Create(CultureInfo.InvariantCulture, $"without classes (--set label_dim={found} takes them)"),
        0 => "without classes",
        1 => "1 class",
        int count => string.Create(CultureInfo.InvariantCulture, $"{count:N0} classes"),
    };
}

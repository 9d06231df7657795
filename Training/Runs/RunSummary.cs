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
    /// <param name="inputs">Its images.</param>
    /// <param name="network">The student's network.</param>
    /// <param name="device">Its device, on which the step has been recorded.</param>
    /// <param name="done">Training steps done.</param>
    public static string Of(RunConfig config, RunInputs inputs, INetwork network, ComputeDevice device, long done) => string.Create(CultureInfo.InvariantCulture,
        $"{config.Training.Objective.Name}: {DataOf(config, inputs)}; network {network.Config.Architecture} of {network.ParameterCount():N0} parameters, {ClassesOf(network)}; steps {done:N0} to {config.Steps:N0} of {config.Training.Batch:N0} images; {device.Name} in {config.Training.Precision.ToString().ToLowerInvariant()}, {device.AllocatedBytes >> 20:N0} MiB");

    private static string DataOf(RunConfig config, RunInputs inputs)
    {
        IImageDataset train = inputs.Data.Train;
        return string.Create(CultureInfo.InvariantCulture,
            $"{config.Data}: {train.Count:N0} images to train on, {inputs.Data.HeldOut.Count:N0} held out, {train.Height}x{train.Width}x{train.Channels}");
    }

    private static string ClassesOf(INetwork network) => network.Config.LabelCount switch
    {
        0 => "without classes",
        1 => "1 class",
        int count => string.Create(CultureInfo.InvariantCulture, $"{count:N0} classes"),
    };
}

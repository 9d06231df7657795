using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Evaluation;

namespace TrigFlowNative.Training.Cli;

/// <summary>reference: writes the moments of a data set's features, which evaluate and the field's programs read.</summary>
internal static class ReferenceCommand
{
    private const string Verb = "reference";

    public static Command Create()
    {
        Argument<string> data = PathOptions.Argument("data", "A data set, all of whose images are taken in the size that they have, or samples in an .npz.");
        Argument<string> output = PathOptions.Argument("out", "The .npz to write; there must be none of this name.");
        Option<string?> features = EvaluateCommand.FeaturesOption();
        features.Required = true;
        Option<string?> weights = EvaluateCommand.WeightsOption();
        Option<string?> resizing = EvaluateCommand.ResizingOption();
        Option<string> device = CommandLine.DeviceOption();
        var command = new Command(Verb, "Writes mean and covariance of a data set's features (mu and sigma in float64), as EDM's and pytorch-fid's programs read them.") { data, output, features, weights, resizing, device };
        command.SetAction(parsed => Run(parsed.GetValue(data)!, parsed.GetValue(output)!, parsed.GetValue(features)!, parsed.GetValue(weights), parsed.GetValue(resizing), parsed.GetValue(device)!));
        return command;
    }

    private static int Run(string data, string output, string features, string? weights, string? resizing, string deviceName)
    {
        if (!output.EndsWith(".npz", StringComparison.OrdinalIgnoreCase))
            throw new UsageException($"{output}: expected a name that ends in .npz");
        if (Path.Exists(output))
            throw new UsageException($"{output}: is there already; remove it, or choose another name");
        using ComputeDevice device = CommandLine.Open(deviceName);
        IImageSource images = ImageSources.Open(data);
        using IFeatureNetwork network = FeatureNetworks.Open(features, new FeatureRequest(device, weights, EvaluateCommand.ResizingOf(resizing), images.Height, images.Width, images.Channels));
        long bytes = network.Outputs.Sum(kind => sizeof(double) * (long)kind.Width * kind.Width);
        OutputFolder.Require("out", Path.GetDirectoryName(Path.GetFullPath(output))!, bytes);
        var clock = Stopwatch.StartNew();
        string pooled = network.Outputs[0].Name;
        Dictionary<string, FeatureNeed> needs = new(StringComparer.Ordinal) { [pooled] = FeatureNeed.Moments };
        if (network.Outputs.Any(kind => kind.Name == FeatureMetrics.SpatialKind))
            needs[FeatureMetrics.SpatialKind] = FeatureNeed.Moments;
        FeatureTable table = FeatureTable.Compute(network, images, needs, new JudgingProgress(Verb, data, images.Count).Say);
        Moments moments = table.MomentsOf(pooled)!;
        MomentsFile.Write(output, moments, table.MomentsOf(FeatureMetrics.SpatialKind), network.Name, network.Input);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{moments.Count:N0} images of {images.Words}, {moments.Width:N0} features of {network.Name} ({network.Input}; {network.Arithmetic}), in {clock.Elapsed.TotalSeconds:F1} s: {output}"));
        if (moments.Count <= moments.Width)
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Verb}: {moments.Count:N0} images are fewer than {moments.Width:N0} features need: the covariance is singular, and distances from it are large"));
        return 0;
    }
}

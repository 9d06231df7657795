using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>reconstruct: makes weight files of averages of any width from a run's snapshots.</summary>
internal static class ReconstructCommand
{
    private const string FileSuffix = ".safetensors", FolderName = "reconstructed";

    /// <summary>Error of the weighting from which the result is said to be only near the wanted average.</summary>
    private const double LargeError = 0.2;

    public static Command Create()
    {
        Option<string> run = PathOptions.Required("--run", "Folder of a run that took snapshots (average.power_function=true with snapshot_images or snapshot_every).");
        var widths = new Option<double[]>("--width")
        {
            Description = "Relative widths (sigma_rel) of the averages to make, such as 0.05 0.08 0.12; 0.015 to 0.25 are near what the paper reconstructs.",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
            CustomParser = result => [.. result.Tokens.Select(token => Width(result, token.Value))],
        };
        Option<long?> images = NumberOptions.Whole<long>("--images", "Images after which the averages are taken: those of a snapshot (default: the last one).", 1, long.MaxValue);
        Option<string?> output = PathOptions.Optional("--out", $"Weight file ({FileSuffix}) for a single width, or a folder (default: {FolderName}/ in the run).");
        var command = new Command("reconstruct", "Makes averages of the weights, of any width, from a run's snapshots.") { run, widths, images, output };
        command.SetAction(parsed => Run(parsed.GetValue(run)!, parsed.GetValue(widths)!, parsed.GetValue(images), parsed.GetValue(output)));
        return command;
    }

    private static int Run(string run, double[] widths, long? images, string? output)
    {
        if (!Directory.Exists(run))
            throw new UsageException($"--run {run}: no such folder");
        var folder = new SnapshotFolder(run);
        IReadOnlyList<Snapshot> snapshots = folder.Read();
        if (snapshots.Count == 0)
            throw new UsageException($"--run {run}: the run has no snapshots ({folder.Path}); train with --set power_function=true snapshot_images=N to have some");
        long at = images ?? snapshots[^1].Images;
        if (snapshots.All(each => each.Images != at))
            throw new UsageException($"--images {at}: there is no snapshot of so many images; the nearest has {snapshots.MinBy(each => Math.Abs(each.Images - at))!.Images}");
        Reconstruction[] wanted = [.. widths.Distinct().Select(width => Reconstruction.Of(snapshots, width, at))];
        string[] paths = Paths(run, wanted, output, BytesOf(snapshots[0].Path));
        foreach ((Reconstruction each, string path) in wanted.Zip(paths))
        {
            each.Write(path);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"width {Snapshot.WidthText(each.Average)} after {at} images, from {each.Parts} {(each.Parts == 1 ? "snapshot" : "snapshots")}, weighting off by {100 * each.Error:F1} %: {path}"));
            if (each.Error > LargeError)
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"reconstruct: the snapshots do not allow a good average of width {Snapshot.WidthText(each.Average)}; more frequent ones would"));
        }

        return 0;
    }

    /// <summary>The file of each average. Only a file that holds such an average already is written over.</summary>
    private static string[] Paths(string run, Reconstruction[] wanted, string? output, long bytes)
    {
        bool isFile = output is not null && output.EndsWith(FileSuffix, StringComparison.OrdinalIgnoreCase) && !Directory.Exists(output);
        if (isFile && wanted.Length > 1)
            throw new UsageException($"--out {output}: is one file, but {wanted.Length} widths are asked for; name a folder");
        string folder = isFile ? Path.GetDirectoryName(Path.GetFullPath(output!))! : output ?? Path.Combine(run, FolderName);
        string[] names = isFile ? [Path.GetFileName(output!)] : [.. wanted.Select(NameOf)];
        OutputFolder.Require("--out", folder, bytes * wanted.Length, names);
        string[] paths = isFile ? [output!] : [.. names.Select(name => Path.Combine(folder, name))];
        string snapshots = Path.GetFullPath(new SnapshotFolder(run).Path);
        foreach (string path in paths)
            if (Path.GetDirectoryName(Path.GetFullPath(path)) == snapshots)
                throw new UsageException($"--out {output}: lies in the folder of the run's snapshots");
            else if (File.Exists(path) && !HoldsAverage(path))
                throw new UsageException($"--out {path}: there is a file of something else already, which is not written over");
        return paths;
    }

    private static string NameOf(Reconstruction each) => string.Create(CultureInfo.InvariantCulture, $"width-{Snapshot.WidthText(each.Average)}-images-{each.Images}{FileSuffix}");

    private static bool HoldsAverage(string path)
    {
        try
        {
            return Snapshot.HoldsAverage(path);
        }
        catch (InvalidFileException)
        {
            return false;
        }
    }

    /// <summary>Length of a weight file in fp32.</summary>
    private static long BytesOf(string snapshot)
    {
        using SafetensorsFile file = SafetensorsFile.Open(snapshot);
        return file.Entries.Sum(entry => entry.Count * sizeof(float));
    }

    private static double Width(ArgumentResult result, string text)
    {
        if (!NumberText.TryReal(text, out float value))
            result.AddError($"--width {NumberOptions.Shown(text)}: expected a number such as 0.08");
        else if (!(value > 0 && value <= PowerAverage.MaxWidth))
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"--width {NumberOptions.Shown(text)}: expected a number above 0, at most {PowerAverage.MaxWidth:F4}"));
        else
            return (double)(decimal)value; // the digits that were written, not their nearest fp32 number
        return 0;
    }
}

using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using TrigFlowNative.Training.Data;

namespace TrigFlowNative.Training.Cli;

/// <summary>prepare: makes a data set of one size, as the field does, of a folder or zip of pictures.</summary>
internal static class PrepareCommand
{
    private const int MaxSize = 4096;
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(30);

    public static Command Create()
    {
        Option<string> data = PathOptions.Required("--data", "A folder or zip of PNG and JPEG files, with sub-folders as classes or dataset.json.");
        Option<int> size = NumberOptions.Whole("--size", "Height and width in pixels, a power of two.", 1, MaxSize, otherwise: 64);
        Option<string> output = PathOptions.Required("--out", "The zip archive to write; there must be none of this name.");
        var command = new Command("prepare", "Writes a zip of pictures of one size in EDM's form: each halved while it is twice too large, resampled, and its centre cut out.") { data, size, output };
        command.SetAction(parsed => StopSignal.Around(command.Name, stop => Run(parsed.GetValue(data)!, parsed.GetValue(size), parsed.GetValue(output)!, stop)));
        return command;
    }

    private static int Run(string data, int size, string output, CancellationToken stop)
    {
        if (!BitOperations.IsPow2(size))
            throw new UsageException($"--size {size}: expected a power of two");
        if (!output.EndsWith(".zip", StringComparison.OrdinalIgnoreCase))
            throw new UsageException($"--out {output}: expected a name that ends in .zip");
        if (File.Exists(output) || Directory.Exists(output))
            throw new UsageException($"--out {output}: is there already; remove it, or choose another name");
        using EncodedImages source = Directory.Exists(data) ? new ImageFolder(data) : new ImageZip(data);
        OutputFolder.Require("--out", Path.GetDirectoryName(Path.GetFullPath(output))!, source.Count * (3L * size * size + size));
        var clock = Stopwatch.StartNew();
        TimeSpan said = TimeSpan.Zero;
        (int images, int classes) = PreparedZip.Write(output, source, size, Say);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{images:N0} images of {size}x{size}, {classes:N0} class{(classes == 1 ? "" : "es")}, in {clock.Elapsed.TotalSeconds:F1} s: {output}"));
        return 0;

        void Say(int done)
        {
            stop.ThrowIfCancellationRequested();
            if (clock.Elapsed < said + BetweenLines || done == source.Count)
                return;
            said = clock.Elapsed;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"prepare: {done:N0} of {source.Count:N0} images, {done / said.TotalSeconds:F0} images/s"));
        }
    }
}

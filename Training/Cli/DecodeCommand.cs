using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Cli;

/// <summary>decode: turns a data set of latents into pictures, to look at it.</summary>
internal static class DecodeCommand
{
    private const string GridName = "grid.png";

    /// <summary>Pictures in grid.png: of 512x512, viewers cope badly with more.</summary>
    private const int MaxInGrid = 64;

    public static Command Create()
    {
        Option<string> data = PathOptions.Required("--data", "A folder or zip of latents (.npy).");
        Option<string> decoder = PathOptions.Required("--decoder", $"The decoder: {LatentOptions.DecoderDescription}");
        Option<int> count = NumberOptions.Whole("--count", "Images to decode, the first ones of the data set.", 1, ModelSampling.MaxCount, otherwise: 64);
        Option<string> output = PathOptions.Required("--out", $"Folder for img00000000.png and so on, and {GridName}.");
        Option<string> convention = LatentOptions.Convention("What the data set was made with, which decides the range of its pixels.");
        Option<string> device = CommandLine.DeviceOption();
        Option<Precision> precision = CommandLine.PrecisionOption();
        var command = new Command("decode", "Turns latents of a data set, the means, into pictures.") { data, decoder, count, output, convention, device, precision };
        command.SetAction(parsed => Run(
            parsed.GetValue(data)!, parsed.GetValue(decoder)!, parsed.GetValue(count), parsed.GetValue(output)!, parsed.GetValue(convention)!,
            parsed.GetValue(device)!, parsed.GetValue(precision)));
        return command;
    }

    private static int Run(string data, string decoderFile, int count, string output, string convention, string deviceName, Precision precision)
    {
        LatentSpace space = LatentConventions.Get(convention);
        IImageDataset latents = ImageDataset.OpenLatents(data, space);
        using ComputeDevice device = CommandLine.Open(deviceName);
        using LatentDecoder decoder = LatentOptions.LoadDecoder(decoderFile, space, device, precision);
        int used = Math.Min(count, latents.Count), height = latents.Height * decoder.Scale, width = latents.Width * decoder.Scale;
        OutputFolder.Require("--out", output, 3L * used * height * width, GridName);
        using var first = new MemoryStream();
        var clock = Stopwatch.StartNew();
        int done = 0;
        foreach (ByteImages pictures in StoredLatents.Decode(latents, decoder, used))
        {
            for (int i = 0; i < pictures.Count; i++, done++)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"img{done:D8}.png");
                AtomicFile.WriteAllBytes(Path.Combine(output, name), PngImage.Encode(pictures[i], height, width, 3, CompressionLevel.Fastest));
                if (done < MaxInGrid)
                    first.Write(pictures[i]);
            }
        }

        double seconds = clock.Elapsed.TotalSeconds;
        string grid = Path.Combine(output, GridName);
        ImageGrid.Write(grid, new ByteImages(first.ToArray(), Math.Min(used, MaxInGrid), height, width, 3));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{used} of {latents.Count} latents decoded in {seconds:F2} s ({used / seconds:F1} images/s): {grid}"));
        return 0;
    }
}

using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Cli;

/// <summary>import: writes the weights of another program's file as safetensors, bit for bit, without running anything in it.</summary>
internal static class ImportCommand
{
    private const string Suffix = ".safetensors";
    private const long HeaderBytes = 1 << 20;

    public static Command Create()
    {
        Argument<string> file = PathOptions.Argument("file", "PyTorch's .pth or .pt (zip or legacy), a network pickle of EDM or EDM2, its reference statistics, NVIDIA's Inception detector, or an ONNX model.");
        Argument<string> output = PathOptions.Argument("out", $"The file to write, {Suffix}; there must be none of this name.");
        Option<string?> key = KeyOption();
        var command = new Command("import", "Writes weights of PyTorch, EDM, EDM2 or ONNX as safetensors. The kind is told by the content; code in the file is never run.") { file, output, key };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(output)!, parsed.GetValue(key)));
        return command;
    }

    /// <summary>The option --key of import and info.</summary>
    public static Option<string?> KeyOption() => new("--key") { Description = "Where the weights are in a dictionary of several, such as ema or model." };

    private static int Run(string path, string output, string? key)
    {
        if (!output.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase))
            throw new UsageException($"{output}: expected a name that ends in {Suffix}");
        if (File.Exists(output) || Directory.Exists(output))
            throw new UsageException($"{output}: is there already; remove it, or choose another name");
        using ImportedFile file = ImportFile.Open(path, key);
        FileFacts facts = new();
        facts.Add(file);
        string full = Path.GetFullPath(output);
        OutputFolder.Require("the folder", Path.GetDirectoryName(full)!, file.StoredBytes + HeaderBytes, Path.GetFileName(full));
        long nonFinite = file.Save(output);
        facts.Add("written", file.Network is null ? output : $"{output}, for --teacher, --checkpoint and --guide");
        facts.Print();
        if (nonFinite > 0)
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"import: {nonFinite:N0} of the numbers are infinite or not a number; a network with them is refused"));
        return 0;
    }
}

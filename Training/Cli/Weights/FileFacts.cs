using System.Globalization;
using System.Text.Json;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Cli;

/// <summary>Facts about a file as lines of a word and what it is, for import and info. Text of the file itself is shown on one line and shortened.</summary>
internal sealed class FileFacts
{
    private const int LongestValue = 400, FirstTensors = 4;

    private readonly List<(string Word, string Value)> lines = [];

    /// <summary>The facts in order.</summary>
    public IReadOnlyList<(string Word, string Value)> Lines => lines;

    /// <summary>Adds a fact; null adds nothing.</summary>
    public void Add(string word, string? value)
    {
        if (value is null)
            return;
        string line = string.Concat(value.Select(c => char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator ? '?' : c));
        lines.Add((word, line.Length > LongestValue ? line[..LongestValue] + "..." : line));
    }

    /// <summary>Adds what an imported file holds.</summary>
    public void Add(ImportedFile file)
    {
        Add("kind", file.Kind);
        AddTensors(file.Tensors.Count, file.NumberCount, file.SourceTypes, [.. file.Tensors.Select(each => (each.Name, each.Shape))], full: file.Network is null);
        AddNetwork(file.Network, file.Description);
        foreach (string note in file.Notes)
            Add("note", note);
        if (file.Skipped > 0)
            Add("skipped", string.Create(CultureInfo.InvariantCulture, $"{file.Skipped:N0} {(file.Skipped == 1 ? "value that is no tensor" : "values that are no tensors")}"));
        Add("licence", file.Licence);
    }

    /// <summary>Adds numbers, types and the first names of tensors.</summary>
    /// <param name="count">Number of tensors.</param>
    /// <param name="numbers">Number of their elements.</param>
    /// <param name="types">Tensors of each type.</param>
    /// <param name="tensors">Names and shapes.</param>
    /// <param name="full">Whether to list some, where no configuration says what they are.</param>
    public void AddTensors(int count, long numbers, IReadOnlyDictionary<SafetensorsType, int> types, IReadOnlyList<(string Name, IReadOnlyList<long> Shape)> tensors, bool full)
    {
        Add("tensors", count.ToString("N0", CultureInfo.InvariantCulture));
        Add("numbers", numbers.ToString("N0", CultureInfo.InvariantCulture));
        Add("types", string.Join(", ", types.OrderByDescending(each => each.Value).Select(each => types.Count == 1 ? each.Key.FileName() : $"{each.Value} {each.Key.FileName()}")));
        if (full)
            Add("names", string.Join(", ", tensors.Take(FirstTensors).Select(each => $"{each.Name} [{string.Join(", ", each.Shape)}]")) + (tensors.Count > FirstTensors ? ", ..." : ""));
    }

    /// <summary>Adds a network's configuration and what is said of its data; nothing without a network.</summary>
    public void AddNetwork(NetworkConfig? network, WeightDescription? description)
    {
        if (network is null || description is null)
            return;
        Add("network", $"{network.Architecture}, images {network.Image.H}x{network.Image.W}x{network.Image.C}, {(network.LabelCount == 0 ? "no classes" : $"{network.LabelCount} classes")}");
        Add("config", network.ToJson());
        Add("sigma_data", description.SigmaData.ToString("R", CultureInfo.InvariantCulture) + (description.IsAssumed ? " (sigma_data or the kind of model are assumed)" : ""));
        Add("model", description.Kind == ModelKind.Consistency ? "consistency" : "diffusion");
        if (description.Latents is { } space)
            Add("latents", LatentConventions.NameOf(space) is { } name ? $"of the convention {name}" : $"mean {JsonSerializer.Serialize(space.Mean)}, deviation {JsonSerializer.Serialize(space.Deviation)}");
        if (!description.ClassNames.IsEmpty)
            Add("classes", string.Join(", ", description.ClassNames.Take(20)) + (description.ClassNames.Length > 20 ? ", ..." : ""));
    }

    /// <summary>Writes the facts, their words in a column.</summary>
    public void Print()
    {
        int width = lines.Max(line => line.Word.Length) + 2;
        foreach ((string word, string value) in lines)
            Console.WriteLine(word.PadRight(width) + value);
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Finds a network's parameters among the tensors of a file. PyTorch's wrappers put words before all names (a compiled module _orig_mod., a parallel one module., and
/// training programs net., model. or ema.); such a prefix, or several in a row, is recognised if it leaves a whole network. EDM2's own module holds its U-Net under
/// unet., with the layer of logvar beside it: that word is passed over wherever it follows such a prefix.
/// </summary>
internal static class WeightNames
{
    /// <summary>Constants that PyTorch's files of EDM and EDM2 hold beside the weights, and that follow from the configuration or belong to a loss.</summary>
    private static readonly string[] Buffers = ["resample_filter", "emb_pos.freqs", "logvar_pos.freqs", "logvar_fourier.freqs", "logvar_fourier.phases"];

    private const string Inner = "unet.";

    private static readonly string[] Words = ["module.", "_orig_mod.", "model.", "net.", "ema.", "ema_model."];

    /// <summary>Words for an average of the weights, which samples better than the weights beside it.</summary>
    private static readonly string[] Averages = ["ema.", "ema_model."];

    /// <summary>Maps each parameter's name to its entry.</summary>
    /// <exception cref="InvalidFileException">A tensor is missing, unknown, there twice or misshapen, or the file holds two networks of which none is the average.</exception>
    public static WeightMatch Match(SafetensorsFile file, INetwork network)
    {
        Dictionary<string, SafetensorsEntry> tensors = Tensors(file, network);
        string[] prefixes = [.. tensors.Keys.SelectMany(Prefixes).Distinct().Order(StringComparer.Ordinal)];
        string[] whole = [.. prefixes.Where(prefix => network.Parameters.All(parameter => tensors.ContainsKey(prefix + parameter.Name)))];
        if (whole.Length == 0)
            throw Missing(file, network, tensors, prefixes);
        string chosen = Choose(file, whole);
        Dictionary<string, SafetensorsEntry> entries = [];
        foreach (ParameterSpec parameter in network.Parameters)
            entries[parameter.Name] = file.Require(tensors[chosen + parameter.Name].Name, parameter.FileShape.AsSpan());
        HashSet<string> known = [.. whole.SelectMany(prefix => network.Parameters.Select(parameter => prefix + parameter.Name))];
        foreach (string unknown in tensors.Keys.Where(name => !known.Contains(name)))
        {
            string? twice = Prefixes(unknown).Select(prefix => unknown[prefix.Length..]).FirstOrDefault(entries.ContainsKey);
            throw new InvalidFileException(file.Path, twice is null
                ? $"tensor '{tensors[unknown].Name}' is no parameter of the network its config describes"
                : $"holds '{twice}' twice, as '{entries[twice].Name}' and '{tensors[unknown].Name}'");
        }

        if (network.ParameterCount() > int.MaxValue)
            throw new InvalidFileException(file.Path, $"holds {network.ParameterCount()} weights, at most {int.MaxValue} are read");
        return new WeightMatch(entries, chosen, [.. whole.Where(prefix => prefix != chosen)]);
    }

    /// <summary>The tensors that are no buffers, by their names without <see cref="Inner"/>, unless the network's own names begin with it.</summary>
    private static Dictionary<string, SafetensorsEntry> Tensors(SafetensorsFile file, INetwork network)
    {
        bool isOwn = network.Parameters.Any(parameter => parameter.Name.StartsWith(Inner, StringComparison.Ordinal));
        Dictionary<string, SafetensorsEntry> tensors = new(StringComparer.Ordinal);
        foreach (SafetensorsEntry entry in file.Entries.Where(entry => !IsBuffer(entry.Name)))
        {
            string prefix = isOwn ? "" : Prefixes(entry.Name).Last(), rest = entry.Name[prefix.Length..];
            string name = !isOwn && rest.StartsWith(Inner, StringComparison.Ordinal) ? prefix + rest[Inner.Length..] : entry.Name;
            if (!tensors.TryAdd(name, entry))
                throw new InvalidFileException(file.Path, $"holds '{name}' twice, as '{tensors[name].Name}' and '{entry.Name}'");
        }

        return tensors;
    }

    private static string Choose(SafetensorsFile file, string[] whole)
    {
        if (whole.Length == 1)
            return whole[0];
        string[] averages = [.. whole.Where(prefix => Averages.Any(word => prefix.Contains(word, StringComparison.Ordinal)))];
        return averages.Length == 1
            ? averages[0]
            : throw new InvalidFileException(file.Path, $"holds several networks, by the prefixes {Quoted(whole)}: keep the tensors of one");
    }

    private static InvalidFileException Missing(SafetensorsFile file, INetwork network, Dictionary<string, SafetensorsEntry> tensors, string[] prefixes)
    {
        string nearest = prefixes.MaxBy(prefix => network.Parameters.Count(parameter => tensors.ContainsKey(prefix + parameter.Name))) ?? "";
        string missing = nearest + network.Parameters.First(parameter => !tensors.ContainsKey(nearest + parameter.Name)).Name;
        if (network.Parameters.Any(parameter => tensors.ContainsKey(nearest + parameter.Name)))
            return new InvalidFileException(file.Path, $"no tensor '{missing}'");

        // No known prefix leaves a parameter: perhaps another one does.
        string first = "." + network.Parameters[0].Name;
        string? near = tensors.Keys.FirstOrDefault(name => name.EndsWith(first, StringComparison.Ordinal));
        string said = near is null ? "" : $", but '{near}': take the prefix '{near[..^(first.Length - 1)]}' off all names (known prefixes are {string.Join(" ", Words)} {Inner})";
        return new InvalidFileException(file.Path, $"no tensor '{missing}'{said}");
    }

    /// <summary>The empty prefix, and each row of known words with which a name begins.</summary>
    private static IEnumerable<string> Prefixes(string name)
    {
        const int deepest = 4;
        int length = 0;
        for (int depth = 0; depth <= deepest; depth++)
        {
            yield return name[..length];
            if (Words.FirstOrDefault(word => name.AsSpan(length).StartsWith(word, StringComparison.Ordinal)) is not { } word)
                yield break;
            length += word.Length;
        }
    }

    private static bool IsBuffer(string name) => Buffers.Any(buffer => name == buffer || name.EndsWith('.' + buffer, StringComparison.Ordinal));

    private static string Quoted(IEnumerable<string> prefixes) => string.Join(", ", prefixes.Select(prefix => prefix.Length == 0 ? "(none)" : $"'{prefix}'"));
}

/// <summary>Tensors of a file for the parameters of a network.</summary>
/// <param name="Entries">The tensor of each parameter, by the parameter's name.</param>
/// <param name="Prefix">What stands before all names; empty for none.</param>
/// <param name="Others">Prefixes of further whole networks in the file, which are passed over.</param>
internal sealed record WeightMatch(Dictionary<string, SafetensorsEntry> Entries, string Prefix, string[] Others);

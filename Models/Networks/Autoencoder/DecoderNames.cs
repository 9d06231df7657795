using System.Globalization;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Finds the decoder's tensors in a file, by the names that <see cref="DecoderNetwork"/> uses. Those are of the library diffusers; its older versions called the four
/// matrices of the attention otherwise, and CompVis' programs, from which the autoencoder comes, number the levels from the finest.
/// </summary>
internal static class DecoderNames
{
    private const string Root = "decoder.", First = "decoder.conv_in.weight";

    /// <summary>Words before all names: none, that of CompVis' checkpoints, and that of pipelines.</summary>
    private static readonly string[] Prefixes = ["", "first_stage_model.", "vae."];

    /// <summary>What an autoencoder's file holds beside its decoder.</summary>
    private static readonly string[] PassedOver = ["encoder.", "quant_conv.", "loss."];

    private static readonly Dictionary<string, string> Parts = new(StringComparer.Ordinal)
    {
        ["norm"] = "group_norm",
        ["q"] = "to_q",
        ["k"] = "to_k",
        ["v"] = "to_v",
        ["proj_out"] = "to_out.0",
        ["query"] = "to_q",
        ["key"] = "to_k",
        ["value"] = "to_v",
        ["proj_attn"] = "to_out.0",
    };

    /// <summary>Returns the entries of decoder and post_quant_conv by their names in <see cref="DecoderNetwork"/>.</summary>
    /// <exception cref="InvalidFileException">There is no decoder, a tensor has an unknown name, or two have one.</exception>
    public static Dictionary<string, SafetensorsEntry> Find(SafetensorsFile file)
    {
        string prefix = Prefixes.FirstOrDefault(each => file.Find(each + First) is not null)
            ?? throw new InvalidFileException(file.Path, $"no tensor '{First}', as an autoencoder has under the names of diffusers or CompVis, perhaps after {string.Join(" or ", Prefixes[1..].Select(each => $"'{each}'"))}");
        string[] names = [.. file.Entries.Select(entry => entry.Name).Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..])];
        int levels = names.Select(name => name.Split('.')).Where(parts => parts is ["decoder", "up", _, ..]).Select(parts => parts[2]).Distinct(StringComparer.Ordinal).Count();
        Dictionary<string, SafetensorsEntry> found = new(StringComparer.Ordinal);
        foreach (string name in names.Where(name => !PassedOver.Any(each => name.StartsWith(each, StringComparison.Ordinal))))
        {
            if (!name.StartsWith(Root, StringComparison.Ordinal) && !name.StartsWith("post_quant_conv.", StringComparison.Ordinal))
                throw new InvalidFileException(file.Path, $"tensor '{prefix}{name}' is none of an autoencoder");
            string known = Canonical(name, levels);
            if (!found.TryAdd(known, file.Find(prefix + name)!))
                throw new InvalidFileException(file.Path, $"holds '{known}' twice, as '{found[known].Name}' and '{prefix}{name}'");
        }

        return found;
    }

    /// <summary>The name of diffusers' present version; an unknown one as it is.</summary>
    private static string Canonical(string name, int levels) => name.Split('.') switch
    {
        ["decoder", "mid", "block_1", .. var rest] => $"{Root}mid_block.resnets.0.{InBlock(rest)}",
        ["decoder", "mid", "block_2", .. var rest] => $"{Root}mid_block.resnets.1.{InBlock(rest)}",
        ["decoder", "mid", "attn_1", var part, .. var rest] when Parts.TryGetValue(part, out string? to) => $"{Root}mid_block.attentions.0.{to}.{Joined(rest)}",
        ["decoder", "mid_block", "attentions", "0", var part, .. var rest] when Parts.TryGetValue(part, out string? to) => $"{Root}mid_block.attentions.0.{to}.{Joined(rest)}",
        ["decoder", "up", var level, "block", var block, .. var rest] when Mirrored(level, levels) is { } to => $"{Root}up_blocks.{to}.resnets.{block}.{InBlock(rest)}",
        ["decoder", "up", var level, "upsample", "conv", .. var rest] when Mirrored(level, levels) is { } to => $"{Root}up_blocks.{to}.upsamplers.0.conv.{Joined(rest)}",
        ["decoder", "norm_out", .. var rest] => $"{Root}conv_norm_out.{Joined(rest)}",
        _ => name,
    };

    private static string InBlock(string[] rest) => rest is ["nin_shortcut", .. var last] ? $"conv_shortcut.{Joined(last)}" : Joined(rest);

    private static string? Mirrored(string level, int levels) =>
        int.TryParse(level, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < levels ? (levels - 1 - number).ToString(CultureInfo.InvariantCulture) : null;

    private static string Joined(string[] parts) => string.Join('.', parts);
}

using System.Text;
using System.Text.RegularExpressions;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>Changes in JSON and CSV that leave most of the text well-formed: extreme numbers, strings of other kinds, keys twice, deep nesting.</summary>
/// <remarks>The text is taken as Latin-1, so that every byte keeps its place.</remarks>
internal static partial class TextMutation
{
    private static readonly string[] Numbers =
    [
        "0", "-1", "1", "-0", "0.5", "1e308", "1e999", "-1e999", "1e-400", "NaN", "Infinity", "2147483647", "2147483648", "-2147483648", "4294967296", "9223372036854775807",
        "9223372036854775808", "18446744073709551616", "123456789012345678901234567890", "\"7\"", "null", "true", "[]", "{}", "[1,2]", "",
    ];

    private static readonly string[] Strings =
    [
        "\"\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"../../../x\"", "\"/\"", "\"NaN\"", "\"\u00ff\u00fe\"", "\"\n\"", "\"1\"", "1", "null", "[]", "{}", "\"\\", "'a'", "\"%s\"", "\"a,b\"",
    ];

    private static readonly int[] Depths = [8, 65, 1000, 20_000];

    private static readonly Func<string, Random, string>[] Changes =
        [ReplaceNumber, ReplaceNumber, ReplaceString, DoublePair, RemovePair, Nest, SwapTokens, DropDelimiter, RenameKey, LongString, ReplaceLine];

    /// <summary>Makes one change; the text itself if there is nothing to change.</summary>
    public static byte[] Apply(byte[] text, Random random) => Encoding.Latin1.GetBytes(Changes[random.Next(Changes.Length)](Encoding.Latin1.GetString(text), random));

    private static string ReplaceNumber(string text, Random random) => Replace(text, Number(), random, _ => Numbers[random.Next(Numbers.Length)]);

    private static string ReplaceString(string text, Random random) => Replace(text, Quoted(), random, _ => Strings[random.Next(Strings.Length)]);

    private static string DoublePair(string text, Random random) => Replace(text, Pair(), random, pair => $"{pair},{pair}");

    private static string RemovePair(string text, Random random) => Replace(text, Pair(), random, _ => "");

    private static string Nest(string text, Random random)
    {
        int depth = Depths[random.Next(Depths.Length)];
        return random.Next(2) == 0
            ? Replace(text, Number(), random, number => new string('[', depth) + number + new string(']', depth))
            : Replace(text, Number(), random, number => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + number + new string('}', depth));
    }

    private static string SwapTokens(string text, Random random)
    {
        MatchCollection tokens = Token().Matches(text);
        if (tokens.Count < 2)
            return text;
        (Match a, Match b) = (tokens[random.Next(tokens.Count)], tokens[random.Next(tokens.Count)]);
        if (a.Index > b.Index)
            (a, b) = (b, a);
        return a == b ? text : $"{text[..a.Index]}{b.Value}{text[(a.Index + a.Length)..b.Index]}{a.Value}{text[(b.Index + b.Length)..]}";
    }

    private static string DropDelimiter(string text, Random random) => Replace(text, Delimiter(), random, _ => "");

    private static string RenameKey(string text, Random random) => Replace(text, Quoted(), random, key => key[..^1] + "_\"");

    private static string LongString(string text, Random random) => Replace(text, Quoted(), random, _ => $"\"{new string('a', 1 << random.Next(8, 17))}\"");

    private static string ReplaceLine(string text, Random random)
    {
        string[] lines = text.Split('\n');
        int at = random.Next(lines.Length);
        lines[at] = random.Next(4) switch { 0 => "", 1 => lines[random.Next(lines.Length)], 2 => lines[at] + lines[at], _ => "\u00ef\u00bb\u00bf" + lines[at] };
        return string.Join(random.Next(4) == 0 ? "\r\n" : "\n", lines);
    }

    private static string Replace(string text, Regex pattern, Random random, Func<string, string> by)
    {
        MatchCollection found = pattern.Matches(text);
        if (found.Count == 0)
            return text;
        Match each = found[random.Next(found.Count)];
        return text[..each.Index] + by(each.Value) + text[(each.Index + each.Length)..];
    }

    [GeneratedRegex(@"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")]
    private static partial Regex Number();

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();

    [GeneratedRegex("\"[^\"]*\"\\s*:\\s*(?:\"[^\"]*\"|-?[0-9.eE+-]+|true|false|null|\\[[^\\[\\]{}]*\\]|\\{[^{}]*\\})")]
    private static partial Regex Pair();

    [GeneratedRegex("\"[^\"]*\"|[A-Za-z0-9.+-]+")]
    private static partial Regex Token();

    [GeneratedRegex("[\\[\\]{}:,\"]")]
    private static partial Regex Delimiter();
}

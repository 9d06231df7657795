using System.Text;
using HarfBuzzSharp;

namespace TrigFlowNative.Training.Files;

/// <summary>
/// Text in Unicode's canonical decomposition (NFD), in which composed and decomposed accents are the same. .NET's own normalisation does nothing
/// without ICU, which this program does not require; HarfBuzz, which the drawing of plots brings along, has the tables.
/// </summary>
internal static class CanonicalText
{
    /// <summary>Decomposes a text; two texts are canonically equivalent if the results are equal.</summary>
    internal static string Of(string text)
    {
        if (Ascii.IsValid(text))
            return text;
        List<Rune> runes = [];
        foreach (Rune rune in text.EnumerateRunes())
            Decompose(rune.Value, runes);
        Reorder(runes);
        StringBuilder result = new(text.Length);
        foreach (Rune rune in runes)
            result.Append(rune.ToString());
        return result.ToString();
    }

    private static void Decompose(int character, List<Rune> runes)
    {
        if (!UnicodeFunctions.Default.TryDecompose(character, out int first, out int second))
        {
            runes.Add(new Rune(character));
            return;
        }

        Decompose(first, runes);
        if (second != 0)
            Decompose(second, runes);
    }

    // Marks that follow a character are sorted by their class; those of one class keep their order, which has a meaning.
    private static void Reorder(List<Rune> runes)
    {
        for (int i = 1; i < runes.Count; i++)
        {
            int marks = Class(runes[i]);
            for (int at = i; marks != 0 && at > 0 && Class(runes[at - 1]) > marks; at--)
                (runes[at - 1], runes[at]) = (runes[at], runes[at - 1]);
        }
    }

    private static int Class(Rune rune) => (int)UnicodeFunctions.Default.GetCombiningClass(rune.Value);
}

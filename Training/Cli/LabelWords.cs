using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Cli;

/// <summary>Classes as a person names them: numbers or names, separated by commas or blanks.</summary>
internal static class LabelWords
{
    /// <summary>Number of names that a message lists.</summary>
    private const int Listed = 8;

    /// <summary>The option --labels.</summary>
    public static Option<string[]> Option() => new("--labels")
    {
        Description = "Classes by number or name, such as 3,5 or cat,dog, taken in turn (a number is the class's number even if another is called so); -1 for none. Default: all classes in turn.",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>
    /// Returns the class of each image: the given ones in turn, or else all in turn; empty for a model without classes. A number is the number of a class even if
    /// another class is called so.
    /// </summary>
    /// <exception cref="UsageException">A word is no class of the model.</exception>
    public static int[] Resolve(TrigFlowModel model, int count, IReadOnlyList<string>? words)
    {
        int classes = model.Network.Config.LabelCount;
        if (words is not { Count: > 0 })
            return classes == 0 ? [] : [.. Enumerable.Range(0, count).Select(i => i % classes)];
        if (classes == 0)
            throw new UsageException("--labels: the model was trained without classes");
        int[] chosen = [.. words.SelectMany(word => Split(model, word)).Select(word => Find(model, word))];
        return [.. Enumerable.Range(0, count).Select(i => chosen[i % chosen.Length])];
    }

    /// <summary>A word is a whole name if there is a class of that name, commas and all; otherwise commas separate.</summary>
    private static string[] Split(TrigFlowModel model, string word) =>
        model.ClassNames.Contains(word, StringComparer.Ordinal) ? [word] : word.Split(',', StringSplitOptions.TrimEntries);

    private static int Find(TrigFlowModel model, string word)
    {
        int classes = model.Network.Config.LabelCount;
        if (int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= -1 && number < classes)
        {
            if (model.ClassNames.IndexOf(word) is >= 0 and var called && number >= 0 && called != number)
                Console.Error.WriteLine($"--labels {word}: taken as the number of class '{model.ClassNames[number]}'; the class called '{word}' has the number {called}");
            return number;
        }

        int index = model.ClassNames.IndexOf(word);
        if (index >= 0)
            return index;
        string names = model.ClassNames.IsEmpty
            ? ""
            : $", or a name such as {string.Join(", ", model.ClassNames.Take(Listed))}{(model.ClassNames.Length > Listed ? ", ..." : "")}";
        throw new UsageException($"--labels: '{word}' is not one of the model's classes: expected a number from 0 to {classes - 1}, -1 for none{names}");
    }
}

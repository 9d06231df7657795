using System.CommandLine;

namespace TrigFlowNative.Training.Cli;

/// <summary>Options whose value is one of some words.</summary>
internal static class WordOptions
{
    /// <summary>Accepts only the given words; another one is an error of one line, which names the option and lists the words.</summary>
    public static Option<T> AcceptOnly<T>(this Option<T> option, params string[] words)
    {
        option.CompletionSources.Clear(); // of an enum's members, which help would list too
        option.CompletionSources.Add(words);
        option.Validators.Add(result =>
        {
            foreach (string given in result.Tokens.Select(token => token.Value).Where(given => !words.Contains(given, StringComparer.Ordinal)))
                result.AddError($"{option.Name} {NumberOptions.Shown(given)}: expected {(words.Length == 1 ? "" : "one of ")}{string.Join(", ", words)}");
        });
        return option;
    }
}

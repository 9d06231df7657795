using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace TrigFlowNative.Training.Cli;

/// <summary>Formats what is wrong with a command line as one line, without a page of help behind it.</summary>
internal static partial class ParseErrors
{
    /// <summary>Describes the first error; the others often follow from it.</summary>
    /// <param name="parsed">What was parsed.</param>
    /// <param name="program">Name of the program, for its help.</param>
    public static string Describe(ParseResult parsed, string program = "trigflow")
    {
        if (parsed.CommandResult.Command is RootCommand root && parsed.UnmatchedTokens.Count > 0)
            return $"'{parsed.UnmatchedTokens[0]}' is no verb: expected {string.Join(", ", root.Subcommands.Select(verb => verb.Name))}";
        ParseError first = parsed.Errors[0];
        string message = string.Join(' ', first.Message.Split((char[])['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        if (WrongType().Match(message) is { Success: true } wrong)
            message = $"{wrong.Groups["option"].Value} {wrong.Groups["given"].Value}: expected a number"; // the library names .NET's type
        string? option = OptionOf(first.SymbolResult)?.Name;
        string line = option is null || message.Contains(option, StringComparison.Ordinal) ? message : $"{option}: {message}";
        return $"{line.TrimEnd('.')} ({Command(parsed, program)} --help tells more)";
    }

    private static Option? OptionOf(SymbolResult? result) => result switch
    {
        null => null,
        OptionResult option => option.Option,
        _ => OptionOf(result.Parent),
    };

    private static string Command(ParseResult parsed, string program) => parsed.CommandResult.Command is RootCommand ? program : $"{program} {parsed.CommandResult.Command.Name}";

    [GeneratedRegex("^Cannot parse argument '(?<given>.*)' for option '(?<option>.*)' as expected type ")]
    private static partial Regex WrongType();
}

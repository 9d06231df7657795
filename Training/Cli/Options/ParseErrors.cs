using System.CommandLine;
using System.CommandLine.Parsing;

namespace TrigFlowNative.Training.Cli;

/// <summary>Formats what is wrong with a command line as one line, without a page of help behind it.</summary>
internal static class ParseErrors
{
    /// <summary>Describes the first error; the others often follow from it.</summary>
    public static string Describe(ParseResult parsed)
    {
        if (parsed.CommandResult.Command is RootCommand root && parsed.UnmatchedTokens.Count > 0)
            return $"'{parsed.UnmatchedTokens[0]}' is no verb: expected {string.Join(", ", root.Subcommands.Select(verb => verb.Name))}";
        ParseError first = parsed.Errors[0];
        string message = string.Join(' ', first.Message.Split((char[])['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        string? option = OptionOf(first.SymbolResult)?.Name;
        string line = option is null || message.Contains(option, StringComparison.Ordinal) ? message : $"{option}: {message}";
        return $"{line.TrimEnd('.')} ({Command(parsed)} --help tells more)";
    }

    private static Option? OptionOf(SymbolResult? result) => result switch
    {
        null => null,
        OptionResult option => option.Option,
        _ => OptionOf(result.Parent),
    };

    private static string Command(ParseResult parsed) => parsed.CommandResult.Command is RootCommand ? "trigflow" : $"trigflow {parsed.CommandResult.Command.Name}";
}

using System.CommandLine;
using System.CommandLine.Parsing;

namespace TrigFlowNative.Training.Cli;

/// <summary>Options and arguments that take a path. An empty one, as an unset variable of a shell gives, is an error that names the option.</summary>
internal static class PathOptions
{
    /// <summary>An option that takes a path and must be given.</summary>
    public static Option<string> Required(string name, string description)
    {
        var option = new Option<string>(name) { Description = description, Required = true };
        option.Validators.Add(result => Check(result, name));
        return option;
    }

    /// <summary>An option that takes a path; null if it is absent.</summary>
    public static Option<string?> Optional(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description };
        option.Validators.Add(result => Check(result, name));
        return option;
    }

    /// <summary>An option that takes a path, with one for its absence.</summary>
    public static Option<string> Optional(string name, string description, string otherwise)
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => otherwise };
        option.Validators.Add(result => Check(result, name));
        return option;
    }

    /// <summary>An argument that takes a path.</summary>
    public static Argument<string> Argument(string name, string description)
    {
        var argument = new Argument<string>(name) { Description = description };
        argument.Validators.Add(result => Check(result, name));
        return argument;
    }

    private static void Check(SymbolResult result, string name)
    {
        if (result.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
            result.AddError($"{name}: the path is empty");
    }
}

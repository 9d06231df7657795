using System.CommandLine;

namespace TrigFlowNative.Training.Cli;

/// <summary>Options and arguments that take a path; an empty text, such as an unset variable of a shell gives, is refused by the option's name.</summary>
internal static class PathOptions
{
    /// <summary>An option that takes a path; null if it is absent.</summary>
    public static Option<string?> Path(string name, string description) => WithCheck(new Option<string?>(name) { Description = description });

    /// <summary>An option that takes a path and must be given.</summary>
    public static Option<string> Required(string name, string description) => WithCheck(new Option<string>(name) { Description = description, Required = true });

    /// <summary>An argument that takes a path.</summary>
    public static Argument<string> Argument(string name, string description)
    {
        var argument = new Argument<string>(name) { Description = description };
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
                result.AddError($"{name} is empty: expected a path");
        });
        return argument;
    }

    /// <summary>Adds the check to an option.</summary>
    public static Option<T> WithCheck<T>(Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
                result.AddError($"{option.Name} is empty: expected a path");
        });
        return option;
    }
}

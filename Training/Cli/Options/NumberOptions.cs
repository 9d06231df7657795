using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace TrigFlowNative.Training.Cli;

/// <summary>Options that take a number, in the notation of <see cref="NumberText"/>. What does not fit is one error that names the option and what is allowed.</summary>
internal static class NumberOptions
{
    /// <summary>An option that takes a whole number; null if it is absent.</summary>
    /// <param name="name">Name with its dashes.</param>
    /// <param name="description">Text for --help.</param>
    /// <param name="min">Least value.</param>
    /// <param name="max">Largest value.</param>
    public static Option<T?> Whole<T>(string name, string description, T min, T max)
        where T : struct, IBinaryInteger<T> => new(name)
        {
            Description = description,
            CustomParser = result => ReadWhole(result, name, min, max),
        };

    /// <summary>An option that takes a whole number, with a value for its absence.</summary>
    public static Option<T> Whole<T>(string name, string description, T min, T max, T otherwise)
        where T : struct, IBinaryInteger<T> => new(name)
        {
            Description = description,
            CustomParser = result => ReadWhole(result, name, min, max) ?? otherwise,
            DefaultValueFactory = _ => otherwise,
        };

    /// <summary>An option that takes several whole numbers, separated by blanks; empty if it is absent.</summary>
    /// <param name="name">Name with its dashes.</param>
    /// <param name="description">Text for --help.</param>
    /// <param name="min">Least value.</param>
    /// <param name="max">Largest value.</param>
    public static Option<T[]> Wholes<T>(string name, string description, T min, T max)
        where T : struct, IBinaryInteger<T> => new(name)
        {
            Description = description,
            AllowMultipleArgumentsPerToken = true,
            CustomParser = result => [.. result.Tokens.Select(token => Whole(result, token.Value, name, min, max) ?? min)],
            DefaultValueFactory = _ => [],
        };

    /// <summary>An option that takes a finite real number; null if it is absent.</summary>
    /// <param name="name">Name with its dashes.</param>
    /// <param name="description">Text for --help.</param>
    /// <param name="min">Least value.</param>
    /// <param name="max">Largest value.</param>
    public static Option<float?> Real(string name, string description, float min, float max) => new(name)
    {
        Description = description,
        CustomParser = result => ReadReal(result, name, min, max),
    };

    /// <summary>An option that takes a finite real number, with a value for its absence.</summary>
    public static Option<float> Real(string name, string description, float min, float max, float otherwise) => new(name)
    {
        Description = description,
        CustomParser = result => ReadReal(result, name, min, max) ?? otherwise,
        DefaultValueFactory = _ => otherwise,
    };

    private static T? ReadWhole<T>(ArgumentResult result, string name, T min, T max)
        where T : struct, IBinaryInteger<T> => Whole(result, Single(result), name, min, max);

    private static T? Whole<T>(ArgumentResult result, string text, string name, T min, T max)
        where T : struct, IBinaryInteger<T>
    {
        if (!NumberText.TryWhole(text, out Int128 value))
            result.AddError($"{name} {Shown(text)}: expected a whole number such as 64, 1k or 2M");
        else if (value < Int128.CreateChecked(min) || value > Int128.CreateChecked(max))
            result.AddError($"{name} {Shown(text)}: expected a whole number from {min} to {max}");
        else
            return T.CreateChecked(value);
        return null;
    }

    private static float? ReadReal(ArgumentResult result, string name, float min, float max)
    {
        string text = Single(result);
        if (!NumberText.TryReal(text, out float value))
            result.AddError($"{name} {Shown(text)}: expected a finite number such as 2, 1.5 or 1e-3, with a point before the fraction");
        else if (value < min || value > max)
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {Shown(text)}: expected a number from {min} to {max}"));
        else
            return value;
        return null;
    }

    private static string Single(ArgumentResult result) => result.Tokens.Count == 1 ? result.Tokens[0].Value : "";

    /// <summary>What was given, on one line and not longer than a person reads.</summary>
    internal static string Shown(string text)
    {
        const int longest = 40;
        if (text.Length == 0)
            return "(empty)";
        string line = string.Concat(text.Take(longest).Select(c => char.IsControl(c) ? '?' : c));
        return text.Length > longest ? line + "..." : line;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>
/// Benchmarks of one kind: the directions they have, the words in which a shape is written, and which shapes a preset gives. All cases,
/// whether of a preset, of a file or of the command line, come out of such words.
/// </summary>
/// <param name="Name">Such as conv.</param>
/// <param name="Form">How a shape is written, for people: n IMAGES IN->OUT SIZExSIZE kTAPS.</param>
/// <param name="Pattern">The same as a regular expression, without anchors; a named group is a number, or a word, of the shape.</param>
/// <param name="Directions">What is measured of each shape.</param>
/// <param name="Create">Makes the case of a shape, a direction and a storage type.</param>
public sealed record CaseFamily(
    string Name, string Form, [StringSyntax(StringSyntaxAttribute.Regex)] string Pattern, IReadOnlyList<string> Directions,
    Func<ShapeWords, string, DType, SuiteCase> Create)
{
    /// <summary>The shapes of a preset, from the smallest scope to the largest; none where a preset says nothing of the family.</summary>
    public Func<SuiteScope, IEnumerable<string>> Shapes { get; init; } = _ => [];

    /// <summary>The case of a shape in words.</summary>
    /// <exception cref="UsageException">The words are no shape of this family, or the direction is none.</exception>
    public SuiteCase Parse(string shape, string direction, DType type)
    {
        if (!Directions.Contains(direction))
            throw new UsageException($"{Name} has no direction {direction}; there are {string.Join(", ", Directions)}");
        Match match = Regex.Match(shape, $"^(?:{Pattern})$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        if (!match.Success)
            throw new UsageException($"{Name}: '{shape}' is no shape of the form {Form}");
        try
        {
            return Create(new ShapeWords(match), direction, type);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"{Name}: '{shape}': {e.Message}");
        }
    }

    /// <summary>Every case of a scope.</summary>
    public IEnumerable<SuiteCase> Cases(SuiteScope scope) =>
        from shape in scope.Few(Shapes(scope))
        from direction in Directions
        select Parse(shape, direction, scope.Type);
}

/// <summary>The numbers and words of a shape, by the names of the pattern's groups.</summary>
public sealed class ShapeWords
{
    private const int Largest = 1 << 30;
    private readonly Match match;

    internal ShapeWords(Match match) => this.match = match;

    /// <summary>A number of at least 1.</summary>
    /// <exception cref="ArgumentException">It is 0 or beyond 2^30.</exception>
    public int this[string name] =>
        int.TryParse(match.Groups[name].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= Largest
            ? number
            : throw new ArgumentException($"{match.Groups[name].Value} is not from 1 to 2^30");

    /// <summary>A word; empty if its group took no part.</summary>
    public string Word(string name) => match.Groups[name].Value;
}

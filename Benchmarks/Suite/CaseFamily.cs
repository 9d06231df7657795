using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>
/// Benchmarks of one kind: their directions, the words of their shapes, and the shapes that a preset has. Every case is made from such words, whether
/// a preset, a file or the command line names it.
/// </summary>
/// <param name="Name">The column op of tables, such as conv.</param>
/// <param name="Form">The words of a shape as messages explain them, such as n IMAGES IN->OUT SIZExSIZE kTAPS.</param>
/// <param name="Pattern">The words as a regular expression without anchors; its named groups are the numbers and words of a shape.</param>
/// <param name="Directions">Directions that are measured at each shape.</param>
/// <param name="Create">Makes the case of a shape, a direction and a storage type; throws <see cref="ArgumentException"/> for a shape out of range.</param>
public sealed record CaseFamily(
    string Name, string Form, [StringSyntax(StringSyntaxAttribute.Regex)] string Pattern, IReadOnlyList<string> Directions,
    Func<ShapeWords, string, DType, SuiteCase> Create)
{
    /// <summary>Shapes of the family in a scope, in words; none by default.</summary>
    public Func<SuiteScope, IEnumerable<string>> Shapes { get; init; } = _ => [];

    /// <summary>Whether a direction is measured at a shape for which none is named; all are by default.</summary>
    public Func<ShapeWords, string, bool> HasDirection { get; init; } = (_, _) => true;

    /// <summary>The cases of a shape in each of its directions.</summary>
    /// <exception cref="UsageException">The words do not describe a shape of the family.</exception>
    public IEnumerable<SuiteCase> Parse(string shape, DType type) =>
        Directions.Select(direction => (direction, Made: Parse(shape, direction, type))).Where(each => HasDirection(new ShapeWords(MatchOf(shape)), each.direction)).Select(each => each.Made);

    /// <summary>Makes the case of a shape given in words.</summary>
    /// <exception cref="UsageException">The family has no such direction, or the words do not describe a shape of it.</exception>
    public SuiteCase Parse(string shape, string direction, DType type)
    {
        if (!Directions.Contains(direction))
            throw new UsageException($"{Name} has no direction '{direction}'; it has {string.Join(", ", Directions)}");
        Match match = MatchOf(shape);
        if (!match.Success)
            throw new UsageException($"{Name}: '{shape}' does not have the form {Form}");
        try
        {
            return Create(new ShapeWords(match), direction, type);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"{Name}: '{shape}': {e.Message}");
        }
    }

    /// <summary>Every case of a scope, in each direction of its shape.</summary>
    public IEnumerable<SuiteCase> Cases(SuiteScope scope) =>
        scope.Few(Shapes(scope)).SelectMany(shape => Parse(shape, scope.Type));

    private Match MatchOf(string shape) => Regex.Match(shape, $"^(?:{Pattern})$", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
}

/// <summary>The numbers and words of a shape, by the names of the groups in its family's pattern.</summary>
public sealed class ShapeWords
{
    private const int MaxNumber = 1 << 30;
    private readonly Match match;

    internal ShapeWords(Match match) => this.match = match;

    /// <summary>Returns a number from 1 to 2^30.</summary>
    /// <exception cref="ArgumentException">The number is 0 or above 2^30.</exception>
    public int this[string name] =>
        int.TryParse(match.Groups[name].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= MaxNumber
            ? number
            : throw new ArgumentException($"{match.Groups[name].Value} is not from 1 to 2^30");

    /// <summary>Returns a word; empty if its group did not match.</summary>
    public string Word(string name) => match.Groups[name].Value;
}

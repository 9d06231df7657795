using System.IO.Enumeration;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>A row of the suite before it is measured: an op or a piece of work, its shape, and its minimum cost.</summary>
/// <param name="family">Name of the <see cref="CaseFamily"/>, such as conv.</param>
/// <param name="direction">One of the family's directions, such as input-gradient; see <see cref="Suite.Direction"/>.</param>
/// <param name="shape">The shape in the family's words, which the peers' scripts parse too.</param>
/// <param name="type">Storage type of activations and their gradients.</param>
public abstract class SuiteCase(string family, string direction, string shape, DType type)
{
    /// <summary>Name of the family, such as conv.</summary>
    public string Family { get; } = family;

    /// <summary>The direction measured, such as forward.</summary>
    public string Direction { get; } = direction;

    /// <summary>The shape in the family's words.</summary>
    public string Shape { get; } = shape;

    /// <summary>Storage type of activations and their gradients.</summary>
    public DType Type { get; } = type;

    /// <summary>Floating-point operations, with a multiply-add counted as two; 0 if the time is bound by memory.</summary>
    public abstract double Flops { get; }

    /// <summary>Bytes moved if each operand is read once and each result written once; 0 if they are not counted.</summary>
    public abstract double Bytes { get; }

    /// <summary>family/direction/shape, against which <c>--filter</c> is matched.</summary>
    public string Name => $"{Family}/{Direction}/{Shape}";

    /// <summary>Whether the name matches a pattern, in which * stands for any characters and ? for one.</summary>
    public bool Matches(string pattern) => FileSystemName.MatchesSimpleExpression(pattern, Name);

    /// <summary>Prints the name.</summary>
    public override string ToString() => Name;

    /// <summary>Bytes of a number of elements of <see cref="Type"/>.</summary>
    protected double Stored(double elements) => elements * Type.SizeInBytes();
}

using System.IO.Enumeration;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>One row of the suite before it has been measured: what is done, at which shape, and what it costs at least.</summary>
/// <param name="family">Such as conv.</param>
/// <param name="direction">Such as input-gradient, see <see cref="Suite.Direction"/>.</param>
/// <param name="shape">In the words of the family, which the peers' scripts read too.</param>
/// <param name="type">Storage of activations and their gradients.</param>
public abstract class SuiteCase(string family, string direction, string shape, DType type)
{
    /// <summary>What is measured, such as conv.</summary>
    public string Family { get; } = family;

    /// <summary>Which way through it, such as forward.</summary>
    public string Direction { get; } = direction;

    /// <summary>At which extents.</summary>
    public string Shape { get; } = shape;

    /// <summary>Storage of activations and their gradients.</summary>
    public DType Type { get; } = type;

    /// <summary>Floating-point operations that count, a multiply-add as two; 0 where memory alone decides.</summary>
    public abstract double Flops { get; }

    /// <summary>Bytes that must move if each operand is read once and each result is written once; 0 where none are counted.</summary>
    public abstract double Bytes { get; }

    /// <summary>What <c>--filter</c> is held against.</summary>
    public string Name => $"{Family}/{Direction}/{Shape}";

    /// <summary>Whether the name matches a pattern, in which * stands for any characters and ? for one.</summary>
    public bool Matches(string pattern) => FileSystemName.MatchesSimpleExpression(pattern, Name);

    /// <summary>Prints the name.</summary>
    public override string ToString() => Name;

    /// <summary>Bytes of so many elements of <see cref="Type"/>.</summary>
    protected double Stored(double elements) => elements * Type.Size();
}

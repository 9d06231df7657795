using System.IO.Enumeration;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>
/// One op in one direction at one shape: what it does, and how to record it. A benchmark of a further op is one such class and a line
/// in <see cref="CaseList"/>.
/// </summary>
/// <param name="family">Such as conv.</param>
/// <param name="direction">Such as input-gradient, see <see cref="Direction"/>.</param>
/// <param name="shape">In the words of the peers' scripts, which read it.</param>
/// <param name="type">Storage of activations and their gradients.</param>
internal abstract class KernelCase(string family, string direction, string shape, DType type)
{
    public string Family { get; } = family;

    public string Direction { get; } = direction;

    public string Shape { get; } = shape;

    public DType Type { get; } = type;

    /// <summary>Floating-point operations that count, a multiply-add as two; 0 where memory alone decides.</summary>
    public abstract double Flops { get; }

    /// <summary>Bytes that must move if each operand is read once and each result is written once.</summary>
    public abstract double Bytes { get; }

    /// <summary>Largest relative L2 error that passes.</summary>
    public virtual double Tolerance => Type == DType.BFloat16 ? 1e-2 : 1e-4;

    /// <summary>Whether the op's time is that of products of matrices, so that tensor cores matter.</summary>
    public virtual bool UsesTensorCores => true;

    /// <summary>What <c>--filter</c> is held against.</summary>
    public string Name => $"{Family}/{Direction}/{Shape}";

    /// <summary>Whether the name matches a pattern, in which * stands for any characters and ? for one.</summary>
    public bool Matches(string pattern) => FileSystemName.MatchesSimpleExpression(pattern, Name);

    /// <summary>Allocates operands and records the op.</summary>
    public abstract RecordedKernel Record(ComputeDevice device);

    public override string ToString() => Name;

    /// <summary>Bytes of so many elements of <see cref="Type"/>.</summary>
    protected double Stored(double elements) => elements * Type.Size();
}

/// <summary>Names of directions, as they stand in tables and in the peers' scripts.</summary>
internal static class Direction
{
    public const string Forward = "forward", InputGradient = "input-gradient", WeightGradient = "weight-gradient";
    public const string Tangent = "forward+tangent", Backward = "backward", Update = "update";
}

using System.Text.Json.Serialization;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>The numbers of an objective. Each objective has a record of its own, whose JSON begins with the objective's name in the registry.</summary>
public abstract record ObjectiveOptions
{
    /// <summary>The objective's name in <see cref="ObjectiveRegistry"/>, such as scd; what the command line's --objective takes.</summary>
    [JsonPropertyName(ObjectiveRegistry.NameKey), JsonPropertyOrder(-1)]
    public string Name { get; init; } = "";

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public abstract void Validate();

    /// <summary>The objective with these numbers.</summary>
    public abstract Objective Create();

    /// <summary>Throws a message unless a condition holds.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    protected static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }
}

/// <summary>Numbers of objectives that regress F at noise levels whose logarithm is normally distributed.</summary>
public abstract record RegressionOptions : ObjectiveOptions
{
    /// <summary>Mean of ln sigma among the times drawn, sigma = sigma_data tan t.</summary>
    public float PMean { get; init; } = -1.2f;

    /// <summary>Standard deviation of ln sigma among the times drawn; 0 to 100.</summary>
    public float PStd { get; init; } = 1.2f;

    /// <summary>How the distance of F from its target is measured.</summary>
    public LossKind Loss { get; init; } = LossKind.Squared;

    /// <summary>The constant c of the Huber loss sqrt(||d||^2 + c^2) - c, in units of F; not negative. Without effect for the other kinds.</summary>
    public float HuberConstant { get; init; } = 0.03f;

    /// <summary>How times are drawn.</summary>
    internal TimeSampler Times => new LogNormalTimes(PMean, PStd);

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(float.IsFinite(PMean), $"p_mean is a number, not {PMean}");
        Require(PStd is >= 0 and <= 100, $"p_std is 0 to 100, not {PStd}");
        Require(Enum.IsDefined(Loss), $"the loss {Loss} is unknown");
        Require(HuberConstant is >= 0 and <= 1e6f, $"huber_constant is 0 to 1e6, not {HuberConstant}");
    }
}

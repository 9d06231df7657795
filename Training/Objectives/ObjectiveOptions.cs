using System.Text.Json.Serialization;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>Settings of an objective. Each objective has a record of its own, whose JSON begins with the objective's name in the registry.</summary>
public abstract record ObjectiveOptions
{
    /// <summary>Name of the objective in <see cref="ObjectiveRegistry"/> and for --objective, such as scd.</summary>
    [JsonPropertyName(ObjectiveRegistry.NameKey), JsonPropertyOrder(-1)]
    public string Name { get; init; } = "";

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public abstract void Validate();

    /// <summary>Creates the objective with these settings.</summary>
    public abstract Objective Create();

    /// <summary>Throws an exception with a message if a condition does not hold.</summary>
    /// <exception cref="ArgumentException">The condition does not hold.</exception>
    protected static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }
}

/// <summary>Settings of objectives that regress F at noise levels whose logarithm is normally distributed.</summary>
public abstract record RegressionOptions : ObjectiveOptions
{
    /// <summary>Mean of ln sigma over the drawn times, where sigma = sigma_data tan t.</summary>
    public float PMean { get; init; } = -1.2f;

    /// <summary>Standard deviation of ln sigma over the drawn times, from 0 to 100.</summary>
    public float PStd { get; init; } = 1.2f;

    /// <summary>Kind of the loss between F and its target.</summary>
    public LossKind Loss { get; init; } = LossKind.Squared;

    /// <summary>The constant c of the Huber loss sqrt(||d||^2 + c^2) - c, in the unit of F, from 0 to 1e6. Without effect for other kinds.</summary>
    public float HuberConstant { get; init; } = 0.03f;

    /// <summary>Distribution of the times.</summary>
    internal TimeSampler Times => new LogNormalTimes(PMean, PStd);

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(float.IsFinite(PMean), $"p_mean must be a finite number, not {PMean}");
        Require(PStd is >= 0 and <= 100, $"p_std must be 0 to 100, not {PStd}");
        Require(Enum.IsDefined(Loss), $"the loss {Loss} is unknown");
        Require(HuberConstant is >= 0 and <= 1e6f, $"huber_constant must be 0 to 1e6, not {HuberConstant}");
    }
}

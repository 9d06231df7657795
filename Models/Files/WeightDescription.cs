using System.Collections.Immutable;

namespace TrigFlowNative.Models;

/// <summary>Metadata of a weight file beside the network's configuration. Two descriptions are equal if their members are, names of classes by content.</summary>
/// <param name="SigmaData">Standard deviation of the data, in the data's unit; positive.</param>
/// <param name="Kind">Kind of the model.</param>
public sealed record WeightDescription(float SigmaData, ModelKind Kind)
{
    /// <summary>Whether sigma_data or the kind are defaults, since the file does not say them. Has no part in equality.</summary>
    public bool IsAssumed { get; init; }

    /// <summary>Names of the classes in the order of their numbers; empty if they have none. They keep the rules of <see cref="Models.ClassNames"/>.</summary>
    public ImmutableArray<string> ClassNames
    {
        get;
        init => field = value.IsDefault ? [] : value;
    } = [];

    /// <summary>The space of the latents that the model draws; null for a model of pixels, or if the file does not say it.</summary>
    public LatentSpace? Latents { get; init; }

    /// <summary>Guidance scales of the training of a network that takes the scale as an input; null for another network, or if the file does not say them.</summary>
    public GuidanceRange? GuidanceRange { get; init; }

    /// <inheritdoc/>
    public bool Equals(WeightDescription? other) =>
        other is not null && SigmaData.Equals(other.SigmaData) && Kind == other.Kind && ClassNames.SequenceEqual(other.ClassNames, StringComparer.Ordinal) && Equals(Latents, other.Latents)
        && GuidanceRange == other.GuidanceRange;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(SigmaData, Kind, ClassNames.Length, ClassNames.FirstOrDefault(), Latents, GuidanceRange);
}

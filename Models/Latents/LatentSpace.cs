using System.Collections.Immutable;

namespace TrigFlowNative.Models;

/// <summary>
/// How the latents of an autoencoder become values that a model learns, and how its decoder's output becomes pixels. A model value is
/// (raw - mean) 0.5 / deviation per channel, so that each channel has the deviation
/// <see cref="SigmaData"/> (as in arXiv:2312.02696 and arXiv:2410.11081, appendix G.1). Two spaces are equal if all their numbers are.
/// </summary>
public sealed record LatentSpace
{
    /// <summary>Standard deviation of the model's values: sigma_data of every model of latents.</summary>
    public const float SigmaData = 0.5f;

    private const float Largest = 1e6f;

    /// <summary>Creates a space.</summary>
    /// <param name="mean">Mean of the raw latents, one number a channel.</param>
    /// <param name="deviation">Standard deviation of the raw latents, one positive number a channel.</param>
    /// <param name="low">What the decoder gives for black.</param>
    /// <param name="high">What the decoder gives for white; above <paramref name="low"/>.</param>
    /// <exception cref="ArgumentException">There are no channels or different numbers of them, or a number is out of range; the message says which.</exception>
    public LatentSpace(ImmutableArray<float> mean, ImmutableArray<float> deviation, float low, float high)
    {
        if (mean.IsDefaultOrEmpty || deviation.IsDefault || mean.Length != deviation.Length)
            throw new ArgumentException($"a latent space has {(mean.IsDefault ? 0 : mean.Length)} means and {(deviation.IsDefault ? 0 : deviation.Length)} deviations, expected one of each for every channel");
        if (mean.Any(each => !(MathF.Abs(each) <= Largest)))
            throw new ArgumentException($"a latent space has a mean that is not a number from {-Largest} to {Largest}");
        if (deviation.Any(each => !(each is >= 1 / Largest and <= Largest)))
            throw new ArgumentException($"a latent space has a deviation that is not a number from {1 / Largest} to {Largest}");
        if (!(MathF.Abs(low) <= Largest && MathF.Abs(high) <= Largest && low < high))
            throw new ArgumentException($"a latent space has the range {low} to {high}, expected two rising numbers");
        (Mean, Deviation, Low, High) = (mean, deviation, low, high);
    }

    /// <summary>Mean of the raw latents of each channel.</summary>
    public ImmutableArray<float> Mean { get; }

    /// <summary>Standard deviation of the raw latents of each channel.</summary>
    public ImmutableArray<float> Deviation { get; }

    /// <summary>What the decoder gives for black.</summary>
    public float Low { get; }

    /// <summary>What the decoder gives for white.</summary>
    public float High { get; }

    /// <summary>Number of channels.</summary>
    public int Channels => Mean.Length;

    /// <summary>The value of the model for a raw latent of a channel.</summary>
    public float ToModel(float raw, int channel) => (raw - Mean[channel]) * (SigmaData / Deviation[channel]);

    /// <summary>The raw latent, as a decoder takes it, for a value of the model: the inverse of <see cref="ToModel"/>.</summary>
    public float ToRaw(float value, int channel) => value * (Deviation[channel] / SigmaData) + Mean[channel];

    /// <summary>The pixel for a decoder's output: scaled from the range to 0 to 1, clipped, times 255, truncated; NaN becomes 0.</summary>
    public byte ToPixel(float decoded) => (byte)(Math.Clamp((decoded - Low) / (High - Low), 0f, 1f) * 255f); // since .NET 9, NaN converts to 0

    /// <inheritdoc/>
    public bool Equals(LatentSpace? other) =>
        other is not null && Mean.SequenceEqual(other.Mean) && Deviation.SequenceEqual(other.Deviation) && Low.Equals(other.Low) && High.Equals(other.High);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Channels, Mean[0], Deviation[0], Low, High);

    /// <summary>The space in words that follow "of": the name of its convention, or its numbers.</summary>
    public override string ToString() => LatentConventions.NameOf(this) is { } name
        ? $"the convention {name}"
        : FormattableString.Invariant($"mean [{string.Join(", ", Mean.Select(Text))}], deviation [{string.Join(", ", Deviation.Select(Text))}], range {Text(Low)} to {Text(High)}");

    private static string Text(float value) => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
}

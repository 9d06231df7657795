using System.Collections.Immutable;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>What the configurations of U-Nets have in common: square images, and levels of half the resolution each.</summary>
public abstract record UNetConfig : NetworkConfig
{
    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The resolution or the number of channels is below 1.</exception>
    public override Shape Image => new(1, Resolution, Resolution, ImageChannels);

    /// <summary>Height and width of the images in pixels, 1 to 8192; divisible by 2^(levels - 1).</summary>
    public required int Resolution { get; init; }

    /// <summary>Channels of the images, 1 to 1024.</summary>
    public required int ImageChannels { get; init; }

    /// <summary>Channels at multiplier 1, at most 8192; each network has a least number and parity.</summary>
    public required int ModelChannels { get; init; }

    /// <summary>Channel multiplier of each level, 1 to 64, full resolution first; each of the 1 to 12 levels has half the resolution of the one before.</summary>
    public required ImmutableArray<int> ChannelMult { get; init; }

    /// <summary>Residual blocks at each level of the encoder, 1 to 64; the decoder has one more.</summary>
    public required int BlocksPerLevel { get; init; }

    /// <summary>Resolutions at which blocks have self-attention, each network says which of them; those that no level has are ignored.</summary>
    public required ImmutableArray<int> AttentionResolutions { get; init; }

    /// <inheritdoc/>
    public virtual bool Equals(UNetConfig? other) => base.Equals(other); // by the JSON: arrays would compare by reference

    /// <inheritdoc/>
    public override int GetHashCode() => base.GetHashCode();

    /// <summary>Checks every member's range; the network's constructor checks conditions on several layers.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public virtual void Validate()
    {
        Require(!ChannelMult.IsDefaultOrEmpty && ChannelMult.Length <= 12, "channel_mult has 1 to 12 levels");
        Require(ChannelMult.All(m => m is >= 1 and <= 64), "the entries of channel_mult are 1 to 64");
        int granularity = 1 << (ChannelMult.Length - 1);
        Require(
            Resolution is >= 1 and <= 8192 && Resolution % granularity == 0,
            $"img_resolution is at most 8192 and, for {ChannelMult.Length} levels, a multiple of {granularity}, not {Resolution}");
        Require(ImageChannels is >= 1 and <= 1024, $"img_channels is 1 to 1024, not {ImageChannels}");
        Require(LabelCount is >= 0 and <= 1_000_000, $"label_dim is 0 to 1000000, not {LabelCount}");
        Require(BlocksPerLevel is >= 1 and <= 64, $"num_blocks is 1 to 64, not {BlocksPerLevel}");
        Require(
            !AttentionResolutions.IsDefault && AttentionResolutions.Length <= 64 && AttentionResolutions.All(r => r >= 1),
            "attn_resolutions are at most 64 positive numbers");
        Require(
            Conditions.Distinct().Count() == Conditions.Length && Conditions.All(name => name is { Length: > 0 and <= 64 } && name.All(c => char.IsAsciiLetterLower(c) || c == '_')),
            "conditions are different names of lower-case letters");
    }

    /// <summary>Returns height and width of a level, from 0 for the full resolution.</summary>
    public int ResolutionOf(int level) => Resolution >> level;

    /// <summary>Throws unless a condition holds.</summary>
    /// <exception cref="ArgumentException">It does not hold.</exception>
    protected static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }
}

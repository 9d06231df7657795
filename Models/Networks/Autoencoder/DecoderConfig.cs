using System.Collections.Immutable;

namespace TrigFlowNative.Models;

/// <summary>The widths of an autoencoder's decoder, as the shapes of its tensors tell them.</summary>
internal sealed record DecoderConfig
{
    /// <summary>Channels of a latent.</summary>
    public required int LatentChannels { get; init; }

    /// <summary>Channels of each level, the lowest resolution first; every level but the last ends by doubling the resolution.</summary>
    public required ImmutableArray<int> Widths { get; init; }

    /// <summary>Residual blocks of each level.</summary>
    public required ImmutableArray<int> Blocks { get; init; }

    /// <summary>Channels of a picture.</summary>
    public int ImageChannels { get; init; } = 3;

    /// <summary>Number of pixels a side that a latent's pixel becomes.</summary>
    public int Scale => 1 << (Widths.Length - 1);
}

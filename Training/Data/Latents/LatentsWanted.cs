using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Data;

/// <summary>The latents that a model takes.</summary>
/// <param name="Resolution">Height and width; null for any.</param>
/// <param name="Channels">Channels; null for any.</param>
/// <param name="Space">Their space.</param>
internal sealed record LatentsWanted(int? Resolution, int? Channels, LatentSpace Space)
{
    /// <summary>Returns the space of latents that are found.</summary>
    /// <param name="path">Where they lie, for the message.</param>
    /// <param name="found">Their form.</param>
    /// <exception cref="InvalidFileException">They are of other extents than the model's, or of other channels than the space's.</exception>
    internal LatentSpace Require(string path, LatentArray found)
    {
        if ((Resolution ?? found.Height, Resolution ?? found.Width, Channels ?? found.Channels) != (found.Height, found.Width, found.Channels))
        {
            throw new InvalidFileException(path,
                $"holds latents of {found.Height}x{found.Width}x{found.Channels}, which are never resampled, but the network takes {Resolution ?? found.Height}x{Resolution ?? found.Width}x{Channels ?? found.Channels}");
        }

        return Space.Channels == found.Channels
            ? Space
            : throw new InvalidFileException(path, $"holds latents of {found.Channels} channels, but {Space} has {Space.Channels}");
    }
}

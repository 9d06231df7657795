using System.Globalization;

namespace TrigFlowNative.Training.Data;

/// <summary>The sizes of a data set's images as they were found, and what was done to bring them to the model's extents.</summary>
/// <param name="SmallestHeight">Height in pixels of the image with the fewest pixels.</param>
/// <param name="SmallestWidth">Width in pixels of the same image.</param>
/// <param name="LargestHeight">Height in pixels of the image with the most pixels.</param>
/// <param name="LargestWidth">Width in pixels of the same image.</param>
/// <param name="Resolution">Height and width in pixels that the images were fitted to.</param>
/// <param name="Channels">Channels that the images were fitted to, 1 or 3.</param>
public sealed record SourceFitting(int SmallestHeight, int SmallestWidth, int LargestHeight, int LargestWidth, int Resolution, int Channels)
{
    /// <summary>Number of images looked at: fewer than the data set has if it is decoded only as it is read.</summary>
    public long Images { get; init; }

    /// <summary>Images of which the centred square was cut out.</summary>
    public long Cut { get; init; }

    /// <summary>Images that got a frame of zeros.</summary>
    public long Padded { get; init; }

    /// <summary>Images that were resampled.</summary>
    public long Resampled { get; init; }

    /// <summary>Gray images that were turned to colour by copying.</summary>
    public long ToColour { get; init; }

    /// <summary>Colour images that were turned to gray by luma.</summary>
    public long ToGray { get; init; }

    /// <summary>A few words, such as "32x32 fitted to 16x16x3 by resampling" or "28x28 to 40x30 fitted to 32x32x1 by padding (12), resampling (4)".</summary>
    public override string ToString()
    {
        string from = Size(SmallestHeight, SmallestWidth);
        if ((SmallestHeight, SmallestWidth) != (LargestHeight, LargestWidth))
            from += $" to {Size(LargestHeight, LargestWidth)}";
        string to = string.Create(CultureInfo.InvariantCulture, $"{Size(Resolution, Resolution)}x{Channels}");
        string[] steps =
        [
            .. new (long Count, string Word)[] { (Cut, "cutting out the centred square"), (Padded, "padding"), (Resampled, "resampling"), (ToColour, "gray to colour"), (ToGray, "colour to gray") }
                .Where(step => step.Count > 0)
                .Select(step => step.Count == Images ? step.Word : string.Create(CultureInfo.InvariantCulture, $"{step.Word} ({step.Count:N0})")),
        ];
        return steps.Length == 0 ? $"{to} as they are" : $"{from} fitted to {to} by {string.Join(", ", steps)}";
    }

    private static string Size(int height, int width) => string.Create(CultureInfo.InvariantCulture, $"{height}x{width}");
}

using System.Numerics.Tensors;

namespace TrigFlowNative.Models;

/// <summary>Which of some images have pixels that are not finite (NaN or infinity). As bytes such pixels would be black or white, as if they were drawn so.</summary>
/// <param name="Count">Number of images that have such a pixel.</param>
/// <param name="Images">Number of images looked at.</param>
/// <param name="First">Index of the first such image in the seed's sequence; -1 if there is none.</param>
public sealed record NonFiniteImages(int Count, int Images, int First)
{
    /// <summary>Whether there is any.</summary>
    public bool Any => Count > 0;

    /// <summary>Looks at images.</summary>
    /// <param name="images">Pixels of all images, one image after another.</param>
    /// <param name="count">Number of images, at least 1, which divides the number of pixels.</param>
    /// <param name="first">Index of the first image in the seed's sequence.</param>
    /// <exception cref="ArgumentException">The pixels do not fall into as many images.</exception>
    public static NonFiniteImages In(ReadOnlySpan<float> images, int count, int first = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (images.Length % count != 0)
            throw new ArgumentException($"{images.Length} pixels do not fall into {count} images");
        int pixels = images.Length / count;
        var found = new NonFiniteImages(0, count, -1);
        for (int i = 0; i < count; i++)
            if (!TensorPrimitives.IsFiniteAll(images.Slice(i * pixels, pixels)))
                found = new NonFiniteImages(found.Count + 1, count, found.Any ? found.First : first + i);
        return found;
    }

    /// <summary>The same of these images and later ones together.</summary>
    public NonFiniteImages And(NonFiniteImages later)
    {
        ArgumentNullException.ThrowIfNull(later);
        return new NonFiniteImages(Count + later.Count, Images + later.Images, Any ? First : later.First);
    }

    /// <summary>Formats one line for people.</summary>
    public override string ToString() => Any
        ? $"{Count} of {Images} images {(Count == 1 ? "has" : "have")} values that are not finite (NaN or infinity), the first is image {First}"
        : $"all values of {Images} images are finite";
}

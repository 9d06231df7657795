using System.Collections.Concurrent;

namespace TrigFlowNative.Models;

/// <summary>
/// The latent spaces by name, a line each. Both are of the Stable Diffusion VAE with four channels, but they do not mix: the VAE has seen pixels from 0 to 1 in the one
/// and from -1 to 1 in the other. A program adds its own, of another autoencoder or number of channels, before it reads a command line that names it.
/// </summary>
public static class LatentConventions
{
    /// <summary>Name of the convention that is taken unless another is asked for.</summary>
    public const string Default = "edm2";

    private static readonly ConcurrentDictionary<string, LatentSpace> Spaces = new(StringComparer.Ordinal)
    {
#pragma warning disable format // columns line up
        [Default] = new([5.81f,  3.25f,  0.12f,  -2.15f],  [4.17f, 4.62f, 3.71f, 3.28f],  0, 1), // EDM2's data sets and networks (arXiv:2312.02696)
        ["scm"]   = new([1.56f, -0.695f, 0.483f,  0.729f], [5.27f, 5.91f, 4.21f, 4.31f], -1, 1), // arXiv:2410.11081, appendix G.1
#pragma warning restore format
    };

    /// <summary>All conventions by name.</summary>
    public static IReadOnlyDictionary<string, LatentSpace> All => Spaces;

    /// <summary>Adds a convention.</summary>
    /// <exception cref="ArgumentException">The name is empty or taken.</exception>
    public static void Add(string name, LatentSpace space)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(space);
        if (!Spaces.TryAdd(name, space))
            throw new ArgumentException($"the latent convention '{name}' is known already");
    }

    /// <summary>Returns a convention.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists those there are.</exception>
    public static LatentSpace Get(string name) => Spaces.TryGetValue(name, out LatentSpace? space)
        ? space
        : throw new ArgumentException($"unknown latent convention '{name}': expected {string.Join(" or ", Spaces.Keys.Order(StringComparer.Ordinal))}");

    /// <summary>The name of a space; null if it has none.</summary>
    public static string? NameOf(LatentSpace space) =>
        Spaces.Where(each => each.Value.Equals(space)).Select(each => each.Key).Order(StringComparer.Ordinal).FirstOrDefault();
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Compares networks of features with another implementation of them. A fixture is a safetensors file that holds a narrow Inception with its results (param.NAME,
/// images, resize.*, block.*, pool.*, logits.*, spatial.tf1), or a small DINOv2 (dino.*) and resized images (bicubic.*), or both.
/// </summary>
public static class FeatureFixture
{
    /// <summary>Maximum relative L2 error of any result.</summary>
    public const double Tolerance = 2e-5;

    /// <summary>Whether a file holds such results.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is absent, unreadable or malformed.</exception>
    public static bool Recognises(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return InceptionFixture.Recognises(file) || DinoFixture.Recognises(file);
    }

    /// <summary>Computes everything and compares.</summary>
    /// <param name="path">Path of the fixture.</param>
    /// <param name="device">Device that computes.</param>
    /// <param name="options">The user's choices; null for the defaults. The resizing is the fixture's.</param>
    /// <returns>The errors by the names of the fixture's tensors.</returns>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is malformed, or a tensor is missing or of another shape.</exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public static IReadOnlyList<FixtureError> Run(string path, ComputeDevice device, FeatureOptions? options = null)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        options ??= new FeatureOptions();
        List<FixtureError> errors = [];
        if (InceptionFixture.Recognises(file))
            errors.AddRange(InceptionFixture.Run(file, device, options));
        if (DinoFixture.Recognises(file))
            errors.AddRange(DinoFixture.Run(file, device, options));
        return errors.Count > 0 ? errors : throw new InvalidFileException(path, "holds no results of a network of features");
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Results of a fixture beside which computed ones are put.</summary>
/// <param name="file">The fixture.</param>
internal sealed class FeatureResults(SafetensorsFile file)
{
    private readonly List<FixtureError> errors = [];

    /// <summary>The errors so far.</summary>
    public IReadOnlyList<FixtureError> Errors => errors;

    /// <summary>Adds the error of a tensor against the fixture's of that name.</summary>
    /// <exception cref="InvalidFileException">The fixture's tensor is missing, or has another number of elements.</exception>
    public void Add(string name, IReadOnlyList<double> actual)
    {
        float[] expected = file.ReadSingles(name);
        if (expected.Length != actual.Count)
            throw new InvalidFileException(file.Path, $"tensor '{name}' has {expected.Length} elements, expected {actual.Count}");
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += (double)expected[i] * expected[i];
        }

        errors.Add(new FixtureError(name, norm == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / norm), FeatureFixture.Tolerance));
    }

    /// <inheritdoc cref="Add(string, IReadOnlyList{double})"/>
    public void Add(string name, float[] actual) => Add(name, Array.ConvertAll(actual, value => (double)value));

    /// <summary>Reads images (N, H, W, 3) of bytes.</summary>
    /// <exception cref="InvalidFileException">The tensor is missing, of another type or of other extents.</exception>
    public (byte[] Bytes, Shape Shape) Images(string name)
    {
        const int most = 4096;
        SafetensorsEntry entry = file.Require(name);
        if (entry.Type != SafetensorsType.U8 || entry.Shape.Length != 4 || entry.Shape[3] != 3 || entry.Shape.Any(extent => extent is < 1 or > most))
            throw new InvalidFileException(file.Path, $"tensor '{name}' holds {entry.Type.FileName()} {SafetensorsEntry.FormatShape(entry.Shape.AsSpan())}, expected U8 images (N, H, W, 3) of extents up to {most}");
        return (file.ReadBytes(name), new Shape([.. entry.Shape.Select(extent => (int)extent)]));
    }

    /// <summary>Reads places along an axis.</summary>
    /// <exception cref="InvalidFileException">The tensor is missing, or a place does not lie on the axis.</exception>
    public int[] Places(string name, int extent)
    {
        int[] places = file.ReadInt32s(name);
        return places.All(place => place >= 0 && place < extent) ? places : throw new InvalidFileException(file.Path, $"tensor '{name}' has a place beyond 0 to {extent - 1}");
    }
}

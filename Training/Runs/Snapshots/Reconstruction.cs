using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Averages;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// A power-function average of any width, as a linear combination of a run's snapshots (arXiv:2312.02696, section 3.2). It is read and written tensor by tensor:
/// memory holds the sum of one tensor in float64, that tensor of one snapshot, and the result.
/// </summary>
public sealed class Reconstruction
{
    private readonly (Snapshot Snapshot, double Factor)[] parts;
    private readonly AverageSnapshot wanted;

    private Reconstruction((Snapshot Snapshot, double Factor)[] parts, AverageSnapshot wanted, double error) =>
        (this.parts, this.wanted, Error) = (parts, wanted, error);

    /// <summary>The average that is reconstructed.</summary>
    public PowerAverage Average => wanted.Average;

    /// <summary>Images seen by the reconstructed average.</summary>
    public long Images => (long)wanted.Time;

    /// <summary>Number of snapshots that have a part in it.</summary>
    public int Parts => parts.Length;

    /// <summary>How far the combination's weighting of the training's history is from the wanted one, as a share of its norm.</summary>
    public double Error { get; }

    /// <summary>Finds the combination.</summary>
    /// <param name="snapshots">Snapshots of one run; those after <paramref name="images"/> are not used.</param>
    /// <param name="width">Relative width, in (0, <see cref="PowerAverage.MaxWidth"/>].</param>
    /// <param name="images">Images seen by the wanted average: those of a snapshot.</param>
    /// <exception cref="ArgumentException">The width is out of range, or there is no snapshot of so many images.</exception>
    public static Reconstruction Of(IReadOnlyList<Snapshot> snapshots, double width, long images)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        if (snapshots.All(each => each.Images != images))
            throw new ArgumentException($"there is no snapshot of {images} images");
        var wanted = new AverageSnapshot(PowerAverage.OfWidth(width), images);
        Snapshot[] past = [.. snapshots.Where(each => each.Images <= images)];
        AverageSnapshot[] stored = [.. past.Select(each => new AverageSnapshot(each.Average, each.Images))];
        double[] factors = PostHocAverage.Factors(stored, wanted);
        return new Reconstruction([.. past.Zip(factors).Where(part => part.Second != 0)], wanted, PostHocAverage.Error(stored, factors, wanted));
    }

    /// <summary>Checks all of the snapshots and writes the combination to a weight file in fp32, whole or not at all.</summary>
    /// <exception cref="InvalidFileException">A snapshot is damaged, holds a value that is not finite, or has other tensors than the others.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public void Write(string path)
    {
        var files = new List<SafetensorsFile>(parts.Length);
        try
        {
            foreach ((Snapshot snapshot, _) in parts)
            {
                files.Add(SafetensorsFile.Open(snapshot.Path, requireFinite: true));
                files[^1].VerifyChecksum();
                RequireSameTensors(files[0], files[^1]);
            }

            var writer = new SafetensorsWriter();
            foreach ((string key, string value) in parts[0].Snapshot.Model.Concat(Snapshot.Metadata(Average, Images)))
                writer.SetMetadata(key, value);
            foreach (SafetensorsEntry entry in files[0].Entries)
                writer.Add(entry.Name, SafetensorsType.F32, entry.Shape.AsSpan(), stream => stream.Write(MemoryMarshal.AsBytes<float>(Combine(files, entry.Name))));
            writer.Save(path);
        }
        finally
        {
            foreach (SafetensorsFile file in files)
                file.Dispose();
        }
    }

    /// <summary>Returns the combination of one tensor, summed in float64; that of a single snapshot keeps its bits.</summary>
    private float[] Combine(List<SafetensorsFile> files, string name)
    {
        float[] values = files[0].ReadSingles(name);
        if (parts.Length == 1)
            return values;
        double[] sum = new double[values.Length];
        for (int k = 0; k < parts.Length; k++)
        {
            if (k > 0)
                files[k].Read(files[k].Require(name), values);
            double factor = parts[k].Factor;
            for (int i = 0; i < values.Length; i++)
                sum[i] += factor * values[i];
        }

        for (int i = 0; i < values.Length; i++)
            values[i] = (float)sum[i];
        return values;
    }

    private static void RequireSameTensors(SafetensorsFile first, SafetensorsFile other)
    {
        foreach (SafetensorsEntry entry in first.Entries)
            other.Require(entry.Name, entry.Shape.AsSpan());
        if (other.Entries.Count != first.Entries.Count)
            throw new InvalidFileException(other.Path, $"holds {other.Entries.Count} tensors, {Path.GetFileName(first.Path)} has {first.Entries.Count}");
    }
}

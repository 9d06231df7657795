using System.Globalization;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Imports reference statistics: <c>METRIC.mu</c> and <c>METRIC.sigma</c> in float64, with the number of images in the metadata.</summary>
internal static class StatisticsImport
{
    /// <summary>Reads a file's value.</summary>
    public static ImportContent Read(FileBytes file, PickleValue value)
    {
        StoredStatistics statistics = StatisticsPickle.Read(file, value);
        List<ImportedTensor> tensors = [];
        foreach ((string name, StoredMoments moments) in statistics.Features)
        {
            tensors.Add(Tensor($"{name}.mu", moments.Mean, moments.Mean.Length));
            tensors.Add(Tensor($"{name}.sigma", moments.Covariance, moments.Mean.Length, moments.Mean.Length));
        }

        return new ImportContent("reference statistics of EDM2's layout", tensors)
        {
            Metadata = statistics.ImageCount is { } count ? new Dictionary<string, string> { ["num_images"] = count.ToString(CultureInfo.InvariantCulture) } : [],
            Notes =
            [
                .. statistics.ImageCount is { } images ? [string.Create(CultureInfo.InvariantCulture, $"of {images} images")] : (string[])[],
                "evaluate takes the statistics as they are: --reference FILE.pkl",
            ],
            Licence = ImportContent.NvidiaLicence,
        };
    }

    private static ImportedTensor Tensor(string name, double[] values, params long[] shape) => new(name, SafetensorsType.F64, shape, take =>
    {
        const int step = 1 << 17;
        for (int start = 0; start < values.Length; start += step)
            take(MemoryMarshal.AsBytes(values.AsSpan(start, Math.Min(step, values.Length - start))).ToArray());
    });
}

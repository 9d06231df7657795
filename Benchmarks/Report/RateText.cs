using System.Globalization;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>Rates and rows in words: TFLOP/s and TB/s from one up, GFLOP/s and GB/s below.</summary>
internal static class RateText
{
    private const double Tera = 1e12, Giga = 1e9;

    /// <summary>A rate of operations.</summary>
    /// <param name="perSecond">Operations a second.</param>
    public static string Flops(double perSecond) => Text(perSecond, "FLOP/s");

    /// <summary>A rate of bytes.</summary>
    /// <param name="perSecond">Bytes a second.</param>
    public static string Bytes(double perSecond) => Text(perSecond, "B/s");

    /// <summary>A row in a line: time, 5th to 95th percentile, the rates that are known, error, verdict and note.</summary>
    public static string Line(BenchmarkRow row)
    {
        List<string> parts = [];
        if (row.Microseconds is { } time)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{time:N1} us ({row.Low:N1} to {row.High:N1})"));
        if (row.Tflops is { } flops)
            parts.Add(Flops(flops * Tera));
        else if (row.Tbps is { } bytes)
            parts.Add(Bytes(bytes * Tera));
        if (row.ImagesPerSecond is { } images)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{images:N0} images/s"));
        if (row.SustainedMicroseconds is { } sustained)
            parts.Add(Sustained(row, sustained));
        if (row.Error is { } error)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"error {error:0.0e+0}"));
        parts.Add($"{row.Verdict} {row.Note}".TrimEnd());
        return $"{row.Name} ({row.Path}): {string.Join(", ", parts)}";
    }

    private static string Sustained(BenchmarkRow row, double microseconds)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"sustained {microseconds:N1} us");
        if (row.SustainedImagesPerSecond is { } images)
            text += string.Create(CultureInfo.InvariantCulture, $" {images:N0} images/s");
        if (row.SustainedMegahertz is { } clock)
            text += string.Create(CultureInfo.InvariantCulture, $" at {clock:F0} MHz");
        if (row.SustainedWatts is { } watts)
            text += string.Create(CultureInfo.InvariantCulture, $" {watts:F0} W");
        return row.JoulesPerImage is { } joules ? text + string.Create(CultureInfo.InvariantCulture, $" {joules:G3} J/image") : text;
    }

    /// <summary>The unit in which a column or an axis shows rates, and by what rates in 10^12 a second are multiplied: Giga if all are below 10^12.</summary>
    /// <param name="teras">Rates in 10^12 a second; null where unknown.</param>
    public static (string Prefix, double Factor) UnitOf(IEnumerable<double?> teras) => teras.Max() is >= 1 ? ("T", 1) : ("G", Tera / Giga);

    private static string Text(double perSecond, string unit)
    {
        if (!double.IsFinite(perSecond))
            return $"unknown {unit}";
        (double value, string prefix) = perSecond >= Tera ? (perSecond / Tera, "T") : (perSecond / Giga, "G");
        return string.Create(CultureInfo.InvariantCulture, $"{value:G4} {prefix}{unit}");
    }
}

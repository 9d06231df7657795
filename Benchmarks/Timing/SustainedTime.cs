namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>What a piece of work takes when it is repeated without a pause, after some time under load.</summary>
/// <param name="Seconds">Mean time of a run, seconds.</param>
/// <param name="Runs">Number of runs timed.</param>
internal sealed record SustainedTime(double Seconds, int Runs)
{
    /// <summary>The card while it was timed; unknown on a device that does not report.</summary>
    public LoadReading Load { get; init; } = LoadReading.Unknown;

    /// <summary>Energy of a run in joules; null if unknown.</summary>
    public double? Joules => Load.Joules / Runs;
}

/// <summary>A card over a span of time.</summary>
/// <param name="Megahertz">Mean clock of the multiprocessors, MHz; null if unknown.</param>
/// <param name="Watts">Mean power, W; null if unknown.</param>
/// <param name="Joules">Energy, J; null if unknown.</param>
/// <param name="Temperature">Highest temperature, degrees Celsius; null if unknown.</param>
/// <param name="Throttled">Reasons for a lowered clock, each once; empty for none.</param>
internal sealed record LoadReading(double? Megahertz, double? Watts, double? Joules, int? Temperature, string Throttled)
{
    /// <summary>Nothing is known.</summary>
    public static LoadReading Unknown { get; } = new(null, null, null, null, "");
}
